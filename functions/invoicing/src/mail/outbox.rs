//! Mails as files, for one machine without a mail server.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::message::{Mail, NotSent};

/// A folder into which mails are put: `<tenant>.<invoice>.<event number>.eml` each. A name that is
/// taken is not written over, so that a mail that was sent twice would be seen: the second one's
/// name ends in `.2.eml`.
pub(super) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// Opens the folder, making it if need be.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Puts a mail there: at once and whole, and on disk.
    pub(super) fn send(&self, mail: &Mail) -> Result<(), NotSent> {
        let name = format!(
            "{}.{}.{}",
            mail.effect.stream.tenant(),
            mail.effect.stream.id(),
            mail.effect.number
        );
        // Nobody takes it for a mail: its name ends otherwise.
        let draft = self.folder.join(format!(".{name}.{}", std::process::id()));
        let sent =
            write(&draft, &mail.message.formatted()).and_then(|()| self.publish(&draft, &name));
        // A second name of what was sent, or a part of what was not.
        fs::remove_file(&draft).ok();
        sent.map_err(|error| NotSent::Surely(error.to_string()))?;
        // It is there; but after a power cut it may be gone.
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| NotSent::Unknown(error.to_string()))
    }

    /// Gives a file its name, the first that is free.
    fn publish(&self, draft: &Path, name: &str) -> io::Result<()> {
        let names =
            [format!("{name}.eml")].into_iter().chain((2..).map(|n| format!("{name}.{n}.eml")));
        for name in names {
            match fs::hard_link(draft, self.folder.join(name)) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                linked => return linked,
            }
        }
        Ok(())
    }
}

fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::testing::mail;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn each_mail_is_a_file_and_a_second_one_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("outbox")).unwrap();
        for number in [8, 9, 8] {
            assert_eq!(outbox.send(&mail(number)), Ok(()));
        }
        let folder = folder.path().join("outbox");
        assert_eq!(
            names(&folder),
            ["acme.7.8.2.eml", "acme.7.8.eml", "acme.7.9.eml"],
            "and nothing else"
        );
        assert!(
            fs::read_to_string(folder.join("acme.7.8.eml"))
                .unwrap()
                .contains("Subject: Your invoice")
        );
    }

    #[test]
    fn what_cannot_be_written_was_surely_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("outbox")).unwrap();
        fs::remove_dir(folder.path().join("outbox")).unwrap();
        assert!(matches!(outbox.send(&mail(8)), Err(NotSent::Surely(_))));
    }
}
