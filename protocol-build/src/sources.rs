//! The `.proto` files of Realmbeat and of folders outside, found and compiled together.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use prost_reflect::DescriptorPool;
use protox::Compiler;

use crate::{ENVELOPE, Error, include_dir};

/// Compiled feature files.
pub(crate) struct Sources {
    compiler: Compiler,
    /// Names of the files that aren't Realmbeat's.
    outside: Vec<String>,
}

impl Sources {
    /// Compiles Realmbeat's own feature files and all those in the folders `outside`, without the envelope.
    pub(crate) fn open(outside: &[&Path]) -> Result<Self, Error> {
        let mut folders = vec![include_dir().to_owned()];
        for folder in outside {
            folders.push(std::path::absolute(folder).map_err(at(folder))?);
        }
        let mut files: Vec<(String, &Path)> = Vec::new();
        for folder in &folders {
            let found = names(folder)?;
            if found.is_empty() {
                return Err(Error::NoFiles { folder: folder.clone() });
            }
            for name in found {
                if let Some((name, first)) = files.iter().find(|(other, _)| *other == name) {
                    let (name, first) = (name.clone(), first.to_path_buf());
                    return Err(Error::SameFile { name, first, second: folder.clone() });
                }
                files.push((name, folder));
            }
        }
        let mut compiler = Compiler::new(&folders)?;
        compiler.include_source_info(true).include_imports(true);
        compiler.open_files(files.iter().map(|(name, folder)| folder.join(name)))?;
        let is_outside = |(_, folder): &(String, &Path)| *folder != include_dir();
        let outside = files.into_iter().filter(is_outside).map(|(name, _)| name).collect();
        Ok(Self { compiler, outside })
    }

    /// Adds the committed envelope, which a compiler of Rust code needs.
    pub(crate) fn add_envelope(&mut self) -> Result<(), Error> {
        self.compiler.open_file(include_dir().join(ENVELOPE))?;
        Ok(())
    }

    /// Says whether a file is one of the folders outside.
    pub(crate) fn is_outside(&self, file: &str) -> bool {
        self.outside.iter().any(|name| name == file)
    }

    /// The packages of the files in the folders outside.
    pub(crate) fn outside_packages(&self) -> BTreeSet<String> {
        let files = self.compiler.file_descriptor_set().file;
        let outside = files.iter().filter(|file| self.is_outside(file.name()));
        outside.map(|file| file.package().to_owned()).collect()
    }

    /// Descriptors that know custom options: those of prost drop them, so they are decoded from bytes.
    pub(crate) fn pool(&self) -> Result<DescriptorPool, Error> {
        Ok(DescriptorPool::decode(self.compiler.encode_file_descriptor_set().as_slice())?)
    }

    /// All files with their imports, for a generator of code.
    pub(crate) fn compiler(&self) -> &Compiler {
        &self.compiler
    }
}

/// The `.proto` files below `folder`, sorted, by the names under which others import them. The envelope isn't among
/// them: it is generated.
fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    collect(folder, "", &mut found)?;
    found.retain(|name| name != ENVELOPE);
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Vec<String>) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{file_name}");
        if path.is_dir() {
            collect(&path, &format!("{name}/"), found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(name);
        }
    }
    Ok(())
}

/// Makes an error of the system one about `path`.
pub(crate) fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path: PathBuf = path.to_owned();
    move |source| Error::File { path, source }
}
