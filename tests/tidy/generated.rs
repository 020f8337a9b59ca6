//! Files that are generated from others are committed as their sources want them.

use super::assert_none;

#[test]
fn what_is_generated_from_the_messages_is_up_to_date() {
    let files = protocol_build::generated_files().unwrap();
    assert!(!files.is_empty());
    let stale = files.into_iter().filter(|file| file.is_stale().unwrap());
    assert_none(
        "Generate these files with `cargo xtask proto` and commit them:",
        stale.map(|file| file.path.to_owned()).collect(),
    );
}
