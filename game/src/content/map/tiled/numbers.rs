//! The numbers of a tile layer, unpacked: plain, or as base64 of little-endian numbers that may be compressed.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::model::TileData;

/// The upper bits of a tile's number say how it is turned, which changes nothing about walking.
pub(super) const NUMBER: u32 = 0x0fff_ffff;
/// Bytes of a packed number.
const NUMBER_BYTES: usize = 4;

/// One number for each of `count` tiles, 0 where there is none.
///
/// # Errors
/// What is wrong with the data, in words.
pub(super) fn numbers(data: &TileData, count: usize) -> Result<Vec<u32>, String> {
    let mut numbers = match data {
        TileData::Numbers(numbers) => numbers.clone(),
        TileData::Packed { compression, base64 } => unpack(compression, base64, count)?,
        TileData::Unread(what) => return Err(what.clone()),
    };
    if numbers.len() != count {
        return Err(format!("{} numbers for {count} tiles", numbers.len()));
    }
    numbers.iter_mut().for_each(|number| *number &= NUMBER);
    Ok(numbers)
}

fn unpack(compression: &str, base64: &str, count: usize) -> Result<Vec<u32>, String> {
    let base64: String = base64.split_whitespace().collect();
    let packed = STANDARD.decode(base64).map_err(|error| format!("bad base64: {error}"))?;
    let bytes = match compression {
        "" => packed,
        "zlib" => read(flate2::read::ZlibDecoder::new(&packed[..]), count)?,
        "gzip" => read(flate2::read::GzDecoder::new(&packed[..]), count)?,
        "zstd" => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(&packed[..]);
            read(decoder.map_err(|error| format!("damaged data: {error}"))?, count)?
        }
        other => return Err(format!("data in the compression `{other}`")),
    };
    let (numbers, rest) = bytes.as_chunks::<NUMBER_BYTES>();
    if !rest.is_empty() {
        return Err(format!("{} bytes for {count} tiles", bytes.len()));
    }
    Ok(numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
}

/// Reads one number more than expected at most: whatever the data would become, it takes no more memory.
fn read(decoder: impl Read, count: usize) -> Result<Vec<u8>, String> {
    let limit = (count + 1) * NUMBER_BYTES;
    let mut bytes = Vec::new();
    let decoded = decoder.take(limit as u64).read_to_end(&mut bytes);
    decoded.map_err(|error| format!("damaged data: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `[1, 2, 0, 1, 2147483649, 1]`, packed by other programs.
    const PACKED: [(&str, &str); 4] = [
        ("", "AQAAAAIAAAAAAAAAAQAAAAEAAIABAAAA"),
        ("zlib", "eNpjZGBgYGKAAEYIbgDRAALwAIc="),
        ("gzip", "H4sIAAAAAAACA2NkYGBgYoAARghuANEAjUJ/thgAAAA="),
        ("zstd", "KLUv/QRolQAAgoEDCODpAADDbJkCL/f+eAEAL6xnyw=="),
    ];

    fn packed(compression: &str, base64: &str) -> TileData {
        TileData::Packed { compression: compression.to_owned(), base64: base64.to_owned() }
    }

    #[test]
    fn every_way_in_which_tiled_packs_a_layer_is_read() {
        for (compression, base64) in PACKED {
            let data = packed(compression, &format!("\n   {base64}\n  "));
            assert_eq!(numbers(&data, 6).unwrap(), [1, 2, 0, 1, 1, 1], "{compression}");
        }
    }

    #[test]
    fn data_that_is_damaged_or_too_much_is_refused() {
        for (compression, base64) in PACKED {
            assert!(numbers(&packed(compression, base64), 5).is_err(), "too many of {compression}");
            assert!(numbers(&packed(compression, base64), 7).is_err(), "too few of {compression}");
            let cut = &base64[..base64.len() / 2 / 4 * 4];
            assert!(numbers(&packed(compression, cut), 6).is_err(), "half of {compression}");
        }
        assert!(numbers(&packed("lzma", PACKED[0].1), 6).is_err());
        assert!(numbers(&packed("", "not base64!"), 6).is_err());
    }

    #[test]
    fn a_small_text_that_would_become_huge_is_unpacked_only_so_far_as_the_map_goes() {
        // 64 KiB of zeros.
        let bomb = "eNrtwQEBAAAAgJD+r+4ICgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGoADwAB";
        let error = numbers(&packed("zlib", bomb), 6).unwrap_err();
        assert_eq!(error, "7 numbers for 6 tiles");
    }
}
