//! The bytes of files with certificates and keys, at one moment.
//!
//! In: paths. Out: the bytes, which may cross to a process that must not read such files: in a memory file, so they are on no
//! disk twice. Must hold: everything that is loaded is from one snapshot; what could not be read is known with its reason.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use minicbor::{Decode, Encode};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::sys::memory_file;

/// What files contain.
#[derive(Default)]
pub struct Snapshot {
    files: BTreeMap<PathBuf, Result<Zeroizing<Vec<u8>>, Errno>>,
}

impl Snapshot {
    /// Reads these files, each once.
    pub fn take<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Snapshot {
        let mut files = BTreeMap::new();
        for path in paths {
            let path = path.as_ref();
            if !files.contains_key(path) {
                files.insert(path.to_path_buf(), read(path));
            }
        }
        Snapshot { files }
    }

    /// Each file, with why it could not be read.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, Result<&[u8], Errno>)> {
        self.files.iter().map(|(path, content)| {
            let content = content.as_ref().map(|bytes| &bytes[..]);
            (&**path, content.map_err(|errno| *errno))
        })
    }

    /// A file; `ENOENT` if it is not in the snapshot.
    pub fn get(&self, path: &Path) -> Result<&[u8], Errno> {
        match self.files.get(path) {
            Some(Ok(bytes)) => Ok(bytes),
            Some(Err(errno)) => Err(*errno),
            None => Err(Errno::NOENT),
        }
    }

    /// A memory file, for another process.
    pub fn pack(&self) -> io::Result<OwnedFd> {
        let image = Image {
            files: self.iter().map(FileImage::of).collect(),
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(image.length()));
        minicbor::encode(&image, &mut *bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        memory_file::write("everlit-certificates", &bytes)
    }

    /// What [`pack`](Self::pack) has made.
    pub fn unpack(memory_file: OwnedFd) -> io::Result<Snapshot> {
        let bytes = Zeroizing::new(memory_file::read(memory_file)?);
        let image: Image<'_> = minicbor::decode(&bytes).map_err(io::Error::other)?;
        let files = image.files.into_iter().map(|file| {
            let content = match file.errno {
                None => Ok(Zeroizing::new(file.content.to_vec())),
                Some(errno) => Err(Errno::from_raw_os_error(errno)),
            };
            (PathBuf::from(OsStr::from_bytes(file.path)), content)
        });
        Ok(Snapshot {
            files: files.collect(),
        })
    }
}

/// Nothing of a key is ever printed.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} files)", self.files.len())
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Errno> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Image<'b> {
    #[b(0)]
    files: Vec<FileImage<'b>>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct FileImage<'b> {
    #[b(0)]
    #[cbor(with = "minicbor::bytes")]
    path: &'b [u8],
    /// Empty if it could not be read.
    #[b(1)]
    #[cbor(with = "minicbor::bytes")]
    content: &'b [u8],
    /// Why it could not be read.
    #[n(2)]
    errno: Option<i32>,
}

impl<'b> FileImage<'b> {
    fn of((path, content): (&'b Path, Result<&'b [u8], Errno>)) -> FileImage<'b> {
        FileImage {
            path: path.as_os_str().as_bytes(),
            content: content.unwrap_or_default(),
            errno: content.err().map(Errno::raw_os_error),
        }
    }
}

impl Image<'_> {
    /// At most so many bytes, so that the memory for them is not given back unwiped while it grows.
    fn length(&self) -> usize {
        let of_file = |file: &FileImage<'_>| file.path.len() + file.content.len() + 64;
        64 + self.files.iter().map(of_file).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_arrives_as_it_was_sent() {
        let directory = tempfile::tempdir().unwrap();
        let (there, not_there) = (directory.path().join("there"), directory.path().join("not"));
        std::fs::write(&there, b"secret").unwrap();
        let sent = Snapshot::take([&there, &not_there, &there]);
        let arrived = Snapshot::unpack(sent.pack().unwrap()).unwrap();
        assert_eq!(arrived.iter().count(), 2);
        assert_eq!(arrived.get(&there), Ok(&b"secret"[..]));
        assert_eq!(arrived.get(&not_there), Err(Errno::NOENT));
        assert_eq!(format!("{arrived:?}"), "Snapshot(2 files)");
    }

    #[test]
    fn anything_else_is_refused() {
        let file = memory_file::write("test", b"\xa1\x00\x18").unwrap();
        Snapshot::unpack(file).unwrap_err();
    }
}
