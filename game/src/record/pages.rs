//! What modules keep of a character, on its way to the database: a page of each, one behind the other in one piece of
//! memory. Hundreds of characters are saved in a tick, and this costs each of them one allocation.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Place, Saved};

/// What the modules of a zone keep of one character: a page of each that keeps something, in the order of the modules.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages(Box<[u8]>);

/// What one module keeps of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<'a> {
    /// Its name.
    pub module: &'a str,
    /// Its own version of these bytes.
    pub version: u32,
    /// Opaque to everyone else.
    pub bytes: &'a [u8],
}

impl Pages {
    /// Page by page.
    pub fn iter(&self) -> impl Iterator<Item = Page<'_>> + Clone {
        let mut rest = &*self.0;
        std::iter::from_fn(move || Page::split_off(&mut rest))
    }

    /// The page of a module, as it will be when it is loaded again.
    #[must_use]
    pub fn get(&self, module: &str) -> Option<Saved> {
        self.iter().find(|page| page.module == module).map(Page::to_saved)
    }

    /// All pages by module, as they will be when they are loaded again.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, Saved> {
        self.iter().map(|page| (page.module.to_owned(), page.to_saved())).collect()
    }
}

impl<'a> FromIterator<Page<'a>> for Pages {
    fn from_iter<I: IntoIterator<Item = Page<'a>>>(pages: I) -> Self {
        let mut out = Vec::new();
        pages.into_iter().for_each(|page| page.put(&mut out));
        Self(out.into_boxed_slice())
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

/// A page is the length of the module's name in two bytes, the name, the version and the length of what follows in four
/// bytes each, and that. Numbers are little-endian.
impl<'a> Page<'a> {
    fn put(&self, out: &mut Vec<u8>) {
        put_head(out, self.module, self.version);
        out.extend_from_slice(self.bytes);
        set_length(out, self.bytes.len());
    }

    /// Takes the first page off `rest`. `None` at the end, and where no page begins.
    fn split_off(rest: &mut &'a [u8]) -> Option<Self> {
        let (length, after) = rest.split_first_chunk()?;
        let (module, after) = after.split_at_checked(u16::from_le_bytes(*length).into())?;
        let (version, after) = after.split_first_chunk()?;
        let (length, after) = after.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (bytes, after) = after.split_at_checked(length)?;
        *rest = after;
        let module = std::str::from_utf8(module).ok()?;
        Some(Self { module, version: u32::from_le_bytes(*version), bytes })
    }

    fn to_saved(self) -> Saved {
        Saved { version: self.version, bytes: self.bytes.to_vec() }
    }
}

/// All of a page but its content, whose length [`set_length`] fills in.
fn put_head(out: &mut Vec<u8>, module: &str, version: u32) {
    #[expect(clippy::expect_used, reason = "a module's name is a word")]
    let length = u16::try_from(module.len()).expect("a module's name is short");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(module.as_bytes());
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&[0; size_of::<u32>()]);
}

/// Says that the page at the end of `out` has `length` bytes of content.
fn set_length(out: &mut [u8], length: usize) {
    #[expect(clippy::expect_used, reason = "4 GiB of one character are a bug")]
    let bytes = u32::try_from(length).expect("a page is small").to_le_bytes();
    let end = out.len() - length;
    out[end - bytes.len()..end].copy_from_slice(&bytes);
}

/// An empty page: what a module writes on it is kept of the character. Left empty, what was kept before stays.
#[derive(Debug)]
pub struct BlankPage<'a> {
    module: &'static str,
    out: &'a mut Vec<u8>,
    skipped: &'a mut Skipped,
}

/// Modules, and the versions of their pages that this build can't read, that the log was told of. As few as there are
/// modules and versions of them.
type Skipped = BTreeSet<(&'static str, u32)>;

impl BlankPage<'_> {
    /// Keeps `value`, with the version of its shape; [`Saved::read`] gives it back.
    ///
    /// # Panics
    /// When `value` isn't plain data that serialises, which the module's first test finds.
    pub fn write(self, version: u32, value: &impl Serialize) {
        put_head(self.out, self.module, version);
        let start = self.out.len();
        #[expect(clippy::expect_used, reason = "documented: plain data always serialises")]
        let written = postcard::to_extend(value, std::mem::take(self.out))
            .expect("what a module saves is plain data");
        *self.out = written;
        let length = self.out.len() - start;
        set_length(self.out, length);
    }

    /// Tells the log, once per module and version, that pages are kept in the version `saved`, while this build reads
    /// the version `reads`.
    pub(super) fn log_skipped(&mut self, saved: u32, reads: u32) {
        let module = self.module;
        if self.skipped.insert((module, saved)) {
            tracing::warn!(
                module,
                saved,
                reads,
                "pages of another version are kept unread: characters don't have what this module saved of them, \
                 until a build reads that version"
            );
        }
    }

    /// Keeps what was saved before, as it was.
    pub fn write_saved(self, saved: &Saved) {
        let Saved { version, bytes } = saved;
        Page { module: self.module, version: *version, bytes }.put(self.out);
    }
}

/// A character's save while it is written, on paper that is used again for the next one: its place, and then its pages.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    bytes: Vec<u8>,
    /// Where the pages begin.
    pages: usize,
    /// Outlives each save.
    skipped: Skipped,
}

impl Sheet {
    /// Begins the save of a character that stands there.
    pub(crate) fn begin(&mut self, place: &Place) {
        let Place { zone, x, y, heading } = place;
        self.bytes.clear();
        self.bytes.extend_from_slice(&x.to_le_bytes());
        self.bytes.extend_from_slice(&y.to_le_bytes());
        self.bytes.extend_from_slice(&heading.to_le_bytes());
        self.bytes.extend_from_slice(zone.as_str().as_bytes());
        self.pages = self.bytes.len();
    }

    /// The next module's page.
    pub(crate) fn page(&mut self, module: &'static str) -> BlankPage<'_> {
        BlankPage { module, out: &mut self.bytes, skipped: &mut self.skipped }
    }

    /// Equal for two saves that say the same; for others with the odds of any 64-bit hash.
    pub(crate) fn hash(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.bytes)
    }

    /// A copy of the pages.
    pub(crate) fn pages(&self) -> Pages {
        Pages(self.bytes[self.pages..].into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ZoneName;

    fn place(x: i32) -> Place {
        Place { zone: ZoneName::new("field"), x, y: 2, heading: 3 }
    }

    fn written(sheet: &mut Sheet, x: i32, level: u8) -> (u64, Pages) {
        sheet.begin(&place(x));
        sheet.page("combat").write(2, &(7_u32, "wounds"));
        let _left_blank = sheet.page("chat");
        let kept = Saved { version: 9, bytes: vec![level; 300] };
        sheet.page("progress").write_saved(&kept);
        (sheet.hash(), sheet.pages())
    }

    #[test]
    fn what_modules_wrote_is_there_page_by_page_and_a_blank_page_is_not() {
        let (_, pages) = written(&mut Sheet::default(), 1, 5);
        let modules: Vec<&str> = pages.iter().map(|page| page.module).collect();
        assert_eq!(modules, ["combat", "progress"]);
        assert_eq!(pages.get("combat").unwrap().read(2), Some((7_u32, "wounds".to_owned())));
        assert_eq!(pages.get("progress"), Some(Saved { version: 9, bytes: vec![5; 300] }));
        assert_eq!(pages.get("chat"), None);
        assert_eq!(pages.iter().collect::<Pages>(), pages, "page by page it is the same");
    }

    #[test]
    fn the_hash_of_a_save_changes_with_its_place_and_with_every_page() {
        let mut sheet = Sheet::default();
        let (hash, pages) = written(&mut sheet, 1, 5);
        assert_eq!(written(&mut sheet, 1, 5), (hash, pages.clone()), "the same sheet, used again");
        let (moved, same_pages) = written(&mut sheet, 4, 5);
        assert_eq!(same_pages, pages);
        let (risen, other_pages) = written(&mut sheet, 1, 6);
        assert_ne!(other_pages, pages);
        assert!(hash != moved && hash != risen && moved != risen);
    }

    #[test]
    fn the_log_is_told_once_of_each_module_and_version_that_is_skipped() {
        let mut sheet = Sheet::default();
        for (module, saved) in [("progress", 1), ("progress", 1), ("progress", 2), ("pets", 1)] {
            sheet.begin(&place(1));
            let mut page = sheet.page(module);
            page.log_skipped(saved, 3);
            page.write_saved(&Saved { version: saved, bytes: vec![1] });
        }
        let told: Vec<_> = sheet.skipped.into_iter().collect();
        assert_eq!(told, [("pets", 1), ("progress", 1), ("progress", 2)]);
    }

    #[test]
    fn bytes_that_are_no_pages_are_read_as_far_as_they_are() {
        let (_, pages) = written(&mut Sheet::default(), 1, 5);
        for end in 0..pages.0.len() {
            let cut = Pages(pages.0[..end].into());
            assert!(cut.iter().count() < 2 && pages.iter().zip(cut.iter()).all(|(a, b)| a == b));
        }
    }
}
