//! Secrets, looked for everywhere: in answers, in what is printed at the most talkative level, in the files of the
//! database, in the errors of calls that fail, in what the command line writes.

mod canaries;
mod configuration;
mod echoes;
mod everywhere;
mod state_files;
