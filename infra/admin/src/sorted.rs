//! Lines in order of stream and number, however many there are: what memory does not hold lies in
//! nameless files meanwhile.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::PathBuf;

/// How many bytes of lines are sorted in memory.
const ROOM: usize = 64 << 20;

/// How many files are read at a time.
const FAN_IN: usize = 64;

/// A line of a commit. The order of the fields is the order of lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    /// Its stream's name.
    pub(crate) stream: String,
    /// The number of its first event.
    pub(crate) first: u64,
    /// The number of its last event.
    pub(crate) last: u64,
    /// It, without an end of line.
    pub(crate) text: String,
}

/// Takes lines in any order.
pub(crate) struct Sorter {
    folder: PathBuf,
    room: usize,
    fan_in: usize,
    lines: Vec<Line>,
    bytes: usize,
    /// Files of sorted lines; those of one level are about as long as each other.
    levels: Vec<Vec<File>>,
}

/// Gives lines in order.
pub(crate) struct Sorted {
    /// The next line of each file, with the file's place.
    next: BinaryHeap<Reverse<(Line, usize)>>,
    files: Vec<BufReader<File>>,
}

impl Sorter {
    /// A sorter that keeps what memory does not hold in nameless files in this folder.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, room: ROOM, fan_in: FAN_IN, lines: Vec::new(), bytes: 0, levels: Vec::new() }
    }

    pub(crate) fn push(&mut self, line: Line) -> io::Result<()> {
        self.bytes += size_of::<Line>() + line.stream.len() + line.text.len();
        self.lines.push(line);
        if self.bytes >= self.room { self.spill() } else { Ok(()) }
    }

    /// All lines, in order.
    pub(crate) fn finish(mut self) -> io::Result<Sorted> {
        self.spill()?;
        // So few files of each level that all of them can be open.
        Sorted::of(self.levels.into_iter().flatten().collect())
    }

    /// Writes what is in memory to a file; where there are too many of a level they become one of
    /// the next.
    fn spill(&mut self) -> io::Result<()> {
        let mut lines = std::mem::take(&mut self.lines);
        self.bytes = 0;
        lines.sort_unstable();
        let mut file = self.write(lines.into_iter().map(Ok))?;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(files) = self.levels.get_mut(level) else { break };
            files.push(file);
            if files.len() < self.fan_in {
                break;
            }
            let files = std::mem::take(files);
            file = self.write(Sorted::of(files)?)?;
        }
        Ok(())
    }

    fn write(&self, lines: impl Iterator<Item = io::Result<Line>>) -> io::Result<File> {
        let mut file = BufWriter::new(tempfile::tempfile_in(&self.folder)?);
        for line in lines {
            let Line { stream, first, last, text } = line?;
            writeln!(file, "{stream}\t{first}\t{last}\t{text}")?;
        }
        let mut file = file.into_inner()?;
        file.rewind()?;
        Ok(file)
    }
}

impl Sorted {
    fn of(files: Vec<File>) -> io::Result<Self> {
        let mut sorted = Self {
            next: BinaryHeap::new(),
            files: files.into_iter().map(BufReader::new).collect(),
        };
        for (place, file) in sorted.files.iter_mut().enumerate() {
            sorted.next.extend(read(file)?.map(|line| Reverse((line, place))));
        }
        Ok(sorted)
    }

    fn take(&mut self) -> io::Result<Option<Line>> {
        let Some(mut least) = self.next.peek_mut() else { return Ok(None) };
        let Reverse((_, place)) = &*least;
        let following = self.files.get_mut(*place).map(read).transpose()?.flatten();
        let Reverse((line, _)) = match following {
            Some(following) => {
                let place = *place;
                std::mem::replace(&mut *least, Reverse((following, place)))
            }
            None => PeekMut::pop(least),
        };
        Ok(Some(line))
    }
}

impl Iterator for Sorted {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<io::Result<Line>> {
        self.take().transpose()
    }
}

/// Reads a line that [`Sorter::write`] has written.
fn read(file: &mut BufReader<File>) -> io::Result<Option<Line>> {
    let mut written = String::new();
    if file.read_line(&mut written)? == 0 {
        return Ok(None);
    }
    let mut parts = written.trim_end_matches('\n').splitn(4, '\t');
    let mut part = || parts.next().ok_or_else(|| io::Error::other("a file of our own was changed"));
    let (stream, first, last, text) = (part()?, part()?, part()?, part()?);
    let number = |text: &str| text.parse().map_err(io::Error::other);
    Ok(Some(Line {
        stream: stream.to_owned(),
        first: number(first)?,
        last: number(last)?,
        text: text.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers in an order that is none.
    fn shuffled(count: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |n| n * 7_919 % count)
    }

    #[test]
    fn lines_come_in_order_however_little_memory_holds() {
        let line = |n: u64| Line {
            stream: format!("acme/a/b/{}", n % 10),
            first: n,
            last: n,
            text: format!("{{\"n\":{n},\"t\":\"a\\tb\"}}"),
        };
        let mut expected: Vec<Line> = (0..1_000).map(line).collect();
        expected.sort();
        for (room, fan_in, files) in [(1 << 20, 64, 1), (2_000, 64, 63), (500, 3, 7)] {
            let mut sorter = Sorter { room, fan_in, ..Sorter::new(std::env::temp_dir()) };
            shuffled(1_000).for_each(|n| sorter.push(line(n)).unwrap());
            let sorted = sorter.finish().unwrap();
            assert!(
                sorted.files.len() <= files,
                "{} files at a time, of room {room}",
                sorted.files.len()
            );
            assert!(room > 2_000 || sorted.files.len() > 1, "something was to be merged");
            assert_eq!(
                sorted.collect::<io::Result<Vec<Line>>>().unwrap(),
                expected,
                "{room} {fan_in}"
            );
        }
    }
}
