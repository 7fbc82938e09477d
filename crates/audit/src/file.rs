//! A file of lines that is put aside when it is long enough.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::OpenError;
use crate::sink::Sink;

/// `audit.jsonl`; before it `audit.jsonl.1`, before that `audit.jsonl.2`, …
#[derive(Debug)]
pub(crate) struct FileSink {
    path: PathBuf,
    rotate_at: u64,
    keep: u32,
    /// Absent if it could not be opened: tried again at the next write.
    file: Option<File>,
    size: u64,
    /// Its end is no end of a line.
    torn: bool,
    /// The length at which it is put aside: more than `rotate_at` after that has failed.
    full_at: u64,
}

impl FileSink {
    pub(crate) fn new(path: &Path, rotate_at: u64, keep: u32) -> Self {
        let path = path.to_owned();
        Self { path, rotate_at, keep, file: None, size: 0, torn: false, full_at: rotate_at }
    }

    pub(crate) fn open(&mut self) -> Result<(), OpenError> {
        self.try_open().map_err(|error| match error {
            TryLockError::WouldBlock => OpenError::InUse { path: self.path.clone() },
            TryLockError::Error(source) => OpenError::File { path: self.path.clone(), source },
        })
    }

    fn try_open(&mut self) -> Result<(), TryLockError> {
        let mut options = OpenOptions::new();
        options.create(true).append(true).read(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let mut file = options.open(&self.path).map_err(TryLockError::Error)?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(TryLockError::WouldBlock),
            // Not every file system has locks.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        self.size = file.metadata().map_err(TryLockError::Error)?.len();
        // A process that was killed may have left half a line.
        self.torn = self.size > 0 && !ends_a_line(&mut file).map_err(TryLockError::Error)?;
        self.full_at = self.rotate_at;
        self.file = Some(file);
        Ok(())
    }

    fn ready(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            self.open().map_err(io::Error::other)?;
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Puts the file aside and begins another.
    fn rotate(&mut self) -> io::Result<()> {
        if let Some(file) = &self.file {
            file.sync_data()?;
        }
        let aside = |n: u32| {
            let mut path = self.path.clone().into_os_string();
            path.push(format!(".{n}"));
            PathBuf::from(path)
        };
        if self.keep == 0 {
            fs::remove_file(&self.path)?;
        } else {
            for n in (1..self.keep).rev() {
                match fs::rename(aside(n), aside(n + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            fs::rename(&self.path, aside(1))?;
        }
        // From here on the old file is not to be written to, whether there is a new one or not.
        self.file = None;
        self.ready().map(|_| ())
    }
}

fn ends_a_line(file: &mut File) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

impl Sink for FileSink {
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        self.ready()?;
        let length = lines.len() as u64;
        if self.size > 0 && self.size + length > self.full_at {
            match self.rotate() {
                Ok(()) => {}
                // Longer than was asked for is better than not there.
                Err(error) if self.file.is_some() => {
                    self.full_at = self.size + self.rotate_at;
                    let path = self.path.display();
                    tracing::error!(%path, %error, "the audit file can't be put aside");
                }
                Err(error) => return Err(error),
            }
        }
        let (size, torn) = (self.size, self.torn);
        let file = self.ready()?;
        let written =
            if torn { file.write_all(b"\n") } else { Ok(()) }.and_then(|()| file.write_all(lines));
        if let Err(error) = written {
            // Takes back what was written of it; if that fails too, half a line stays.
            let back = file.set_len(size).is_ok();
            let now = file.metadata().map_or(size, |data| data.len());
            self.torn = torn || !back && now > size;
            self.size = now;
            return Err(error);
        }
        self.size = size + length + u64::from(torn);
        self.torn = false;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.ready()?.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn read(path: PathBuf) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[test]
    fn files_are_put_aside_and_so_many_kept() {
        let folder = Folder::new("rotate");
        let path = folder.path("a.jsonl");
        let mut sink = FileSink::new(&path, 6, 2);
        for n in 0..4 {
            sink.write_lines(format!("{n}{n}{n}{n}\n").as_bytes()).unwrap();
        }
        sink.sync().unwrap();
        assert_eq!(read(path), "3333\n");
        assert_eq!(read(folder.path("a.jsonl.1")), "2222\n");
        assert_eq!(read(folder.path("a.jsonl.2")), "1111\n");
        assert!(!folder.path("a.jsonl.3").exists());
    }

    #[test]
    fn none_may_be_kept() {
        let folder = Folder::new("keep-none");
        let path = folder.path("a");
        let mut sink = FileSink::new(&path, 6, 0);
        sink.write_lines(b"1111\n").unwrap();
        sink.write_lines(b"2222\n").unwrap();
        assert_eq!(read(path), "2222\n");
        assert!(!folder.path("a.1").exists());
    }

    #[test]
    fn half_a_line_is_ended_before_the_next() {
        let folder = Folder::new("torn");
        let path = folder.path("a");
        fs::write(&path, "whole\nhal").unwrap();
        let mut sink = FileSink::new(&path, 1_000, 1);
        sink.write_lines(b"next\n").unwrap();
        sink.write_lines(b"last\n").unwrap();
        assert_eq!(read(path.clone()), "whole\nhal\nnext\nlast\n");
        assert_eq!(sink.size, fs::metadata(path).unwrap().len());
    }

    #[test]
    fn a_file_has_one_writer() {
        let folder = Folder::new("lock");
        let path = folder.path("a");
        let mut first = FileSink::new(&path, 1_000, 1);
        first.open().unwrap();
        let second = FileSink::new(&path, 1_000, 1).open();
        assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
        drop(first);
        FileSink::new(&path, 1_000, 1).open().unwrap();
    }

    #[test]
    fn what_could_not_be_opened_is_opened_later() {
        let folder = Folder::new("later");
        let path = folder.path("not-yet/a");
        let mut sink = FileSink::new(&path, 1_000, 1);
        assert!(matches!(sink.open(), Err(OpenError::File { .. })));
        assert!(sink.write_lines(b"1\n").is_err() && sink.sync().is_err());
        fs::create_dir(folder.path("not-yet")).unwrap();
        sink.write_lines(b"2\n").unwrap();
        assert_eq!(read(path), "2\n");
    }

    #[test]
    fn what_can_not_be_put_aside_goes_on() {
        let folder = Folder::new("stuck");
        let path = folder.path("a");
        // A folder with something in it can't be replaced by a file.
        fs::create_dir_all(folder.path("a.1/full")).unwrap();
        let mut sink = FileSink::new(&path, 6, 1);
        for _ in 0..3 {
            sink.write_lines(b"1111\n").unwrap();
        }
        assert_eq!(read(path.clone()), "1111\n1111\n1111\n");
        assert_eq!(sink.full_at, 16);
        fs::remove_dir_all(folder.path("a.1")).unwrap();
        sink.write_lines(b"2222\n").unwrap();
        assert_eq!(read(path), "2222\n");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let mut sink = FileSink::new(Path::new("/dev/full"), 1_000, 1);
        if sink.open().is_ok() {
            assert!(sink.write_lines(b"1\n").is_err());
        }
    }
}
