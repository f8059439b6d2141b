//! One program of the control plane as a process that cannot outlive its owner.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::ControlPlaneError;

/// Lines of a log that an error quotes.
const LOG_TAIL_LINES: usize = 15;

/// Runs "$@" and kills it as soon as standard input, which the owner holds, is closed: by dropping the owner or by
/// any end of the owner's process, SIGKILL included. Ends with the program's own exit code otherwise.
const GUARD: &str = r#"
exec 3<&0 0</dev/null
"$@" 3<&- &
program=$!
{ read -r _ <&3; kill -9 "$program"; } 2>/dev/null &
watcher=$!
wait "$program"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
"#;

/// A running program with its log file.
#[derive(Debug)]
pub(super) struct Process {
    program: &'static str,
    log: PathBuf,
    guard: Child,
}

impl Process {
    /// Run `program` of the folder `assets`; what it prints goes to the file `log`.
    pub(super) fn spawn(
        program: &'static str,
        assets: &Path,
        args: &[OsString],
        log: PathBuf,
    ) -> Result<Self, ControlPlaneError> {
        let path = assets.join(program);
        let run_error = |source| ControlPlaneError::Run { program: path.clone(), source };
        // The guard would only report a missing program in its log.
        fs::metadata(&path).map_err(run_error)?;
        let open_error = |source| ControlPlaneError::File { path: log.clone(), source };
        let output = File::options().create(true).append(true).open(&log).map_err(open_error)?;
        let guard = Command::new("/bin/sh")
            .args(["-c", GUARD, "guard"])
            .arg(&path)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().map_err(open_error)?)
            .stderr(output)
            // Ctrl-C in a terminal goes to the owner, which decides when the control plane ends.
            .process_group(0)
            .spawn()
            .map_err(run_error)?;
        Ok(Self { program, log, guard })
    }

    pub(super) fn program(&self) -> &'static str {
        self.program
    }

    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.guard.try_wait(), Ok(Some(_)))
    }

    /// The last lines the program wrote.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(LOG_TAIL_LINES)).copied().collect::<Vec<_>>().join("\n")
    }

    /// Kill the program and wait for its end.
    pub(super) fn kill(&mut self) {
        drop(self.guard.stdin.take());
        // The only error is that it was waited for before.
        let _ended = self.guard.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// A script in a folder of its own. It is an argument and not a file: a file that another test's fork still
    /// has open for writing could not be run.
    fn run(script: &str) -> (tempfile::TempDir, Process) {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("cd {}; {script}", folder.path().display());
        let process =
            Process::spawn("sh", Path::new("/bin"), &["-c".into(), script.into()], folder.path().join("log"))
                .unwrap();
        (folder, process)
    }

    fn wait_until(mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < Duration::from_secs(20), "waited too long");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn dropping_the_owner_kills_the_program() {
        let (folder, process) = run("trap '' TERM; echo $$ > new; mv new pid; exec sleep 600");
        let pid_file = folder.path().join("pid");
        wait_until(|| pid_file.exists());
        let pid = fs::read_to_string(&pid_file).unwrap();

        drop(process);

        let alive =
            Command::new("/bin/kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status().unwrap();
        assert!(!alive.success());
    }

    #[test]
    fn a_program_that_ends_is_noticed_and_its_last_words_are_kept() {
        let (_folder, mut process) = run("seq 100; echo 'flag is wrong' >&2; exit 1");

        wait_until(|| process.has_ended());

        let tail = process.log_tail();
        assert_eq!(tail.lines().count(), LOG_TAIL_LINES);
        assert!(tail.ends_with("99\n100\nflag is wrong"), "{tail}");
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = Process::spawn("etcd", folder.path(), &[], folder.path().join("log")).unwrap_err();
        assert!(matches!(error, ControlPlaneError::Run { program, .. } if program.ends_with("etcd")));
    }
}
