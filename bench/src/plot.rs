//! A curve, drawn where it says more than a table.

use anyhow::anyhow;
use plotters::prelude::*;

/// Pixels, wide and high: legible in a column of text.
const SIZE: (u32, u32) = (760, 440);
/// Colours that are told apart in print and by the colour-blind (Okabe and Ito's).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];

/// Lines over one pair of axes.
#[derive(Debug)]
pub(crate) struct Plot {
    /// What its file is called, behind the name of the bench.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    /// What is counted along the bottom, with its unit.
    pub(crate) x: &'static str,
    /// What is measured, with its unit. Its axis begins at 0, so that heights are ratios.
    pub(crate) y: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// One line, its points from left to right.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Plot {
    /// Draws it.
    ///
    /// # Errors
    /// When there is nothing to draw.
    pub(crate) fn to_svg(&self) -> anyhow::Result<String> {
        let mut svg = String::new();
        self.draw(SVGBackend::with_string(&mut svg, SIZE))
            .map_err(|error| anyhow!("can't draw {}: {error}", self.name))?;
        Ok(svg)
    }

    fn draw(&self, svg: SVGBackend<'_>) -> anyhow::Result<(), Box<dyn std::error::Error + '_>> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let right = points().map(|point| point.0).fold(f64::NAN, f64::max);
        let left = points().map(|point| point.0).fold(f64::NAN, f64::min);
        let top = points().map(|point| point.1).fold(f64::NAN, f64::max);
        if !(right > left && top > 0.0) {
            return Err("its points make no line".into());
        }
        let area = svg.into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(64)
            .build_cartesian_2d(left..right, 0.0..top * 1.05)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(0)
            .x_desc(self.x)
            .y_desc(self.y)
            .draw()?;
        for (line, colour) in self.lines.iter().zip(COLOURS.iter().cycle()) {
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(line.points.iter().copied(), style))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .draw()?;
        area.present()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        let line = Line { name: "one".to_owned(), points };
        Plot { name: "p", title: "A title".to_owned(), x: "x", y: "y, us", lines: vec![line] }
    }

    #[test]
    fn a_curve_is_drawn_with_its_names() {
        let svg = plot(vec![(1.0, 2.0), (2.0, 3.0)]).to_svg().unwrap();
        for said in ["<svg", "A title", "y, us", "one", "<polyline"] {
            assert!(svg.contains(said), "{said} isn't in {svg}");
        }
    }

    #[test]
    fn nothing_is_no_curve() {
        assert!(plot(Vec::new()).to_svg().is_err());
        assert!(plot(vec![(1.0, 2.0)]).to_svg().is_err());
    }
}
