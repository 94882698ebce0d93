//! PAM, found when it is needed.
//!
//! In: a service, a user, a password. Out: whether the system lets it in. Must hold: what the library gets of the password is
//! its own to free, and it wipes it; one login at a time, because its modules change handlers of signals meanwhile; so none
//! of them waits on purpose.
//!
//! PAM is a library of C that loads others; there is no doing without it, but it is needed only where it is configured. So it is
//! loaded by name: a program without it says so when it is asked, and the rest of it runs where there is none.
#![allow(unsafe_code, reason = "PAM is a library of C")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fmt;
use std::ptr::{null, null_mut};
use std::sync::{Mutex, OnceLock, PoisonError};

const LIBRARY: &CStr = c"libpam.so.0";

const SUCCESS: c_int = 0;
const BUF_ERR: c_int = 5;
const CONV_ERR: c_int = 19;
const PROMPT_ECHO_OFF: c_int = 1;
const PROMPT_ECHO_ON: c_int = 2;
const RHOST: c_int = 4;
const FAIL_DELAY: c_int = 10;
const FLAGS: c_int = 0x8000 | 0x0001;
/// Codes that say nothing of a password: PAM itself does not work. The last ones: it gave up; a module of the service is not
/// there. "System error" (4) is none of them: it is what `pam_exec` says when its program says no.
const BROKEN: [c_int; 7] = [1, 2, 3, 5, 9, 26, 28];

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

type Converse = extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int;

#[repr(C)]
struct Conversation {
    converse: Converse,
    data: *mut c_void,
}

type Start = unsafe extern "C" fn(
    *const c_char,
    *const c_char,
    *const Conversation,
    *mut *mut c_void,
) -> c_int;
type SetItem = unsafe extern "C" fn(*mut c_void, c_int, *const c_void) -> c_int;
type Step = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
type Text = unsafe extern "C" fn(*mut c_void, c_int) -> *const c_char;
type Delay = extern "C" fn(c_int, c_uint, *mut c_void);

struct Library {
    start: Start,
    set_item: SetItem,
    authenticate: Step,
    account: Step,
    end: Step,
    text: Text,
}

/// What becomes of somebody.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// Come in.
    Granted,
    /// Not with this password, or not this account: why, in PAM's words.
    Denied(String),
}

/// Why PAM cannot be asked.
#[derive(Debug)]
pub(crate) enum PamError {
    /// It is not there.
    Missing,
    /// It does not work: its code, and what that means.
    Broken(i32, String),
}

impl fmt::Display for PamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PamError::Missing => f.write_str("there is no libpam.so.0 on this system"),
            PamError::Broken(code, text) => write!(
                f,
                "PAM does not work (error {code}: {text}); look at its service in /etc/pam.d"
            ),
        }
    }
}

impl std::error::Error for PamError {}

/// Whether a user has this password, and may come in. `password` ends with a zero.
pub(crate) fn login(
    service: &CStr,
    user: &CStr,
    password: &[u8],
    from: &CStr,
) -> Result<Login, PamError> {
    static ONE: Mutex<()> = Mutex::new(());
    let library = library().ok_or(PamError::Missing)?;
    let password = CStr::from_bytes_until_nul(password).unwrap_or_default();
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let conversation = Conversation {
        converse: answer,
        data: password.as_ptr().cast_mut().cast(),
    };
    let mut handle = null_mut();
    // SAFETY: all are strings that end with a zero and live until `end`; so does the conversation.
    let mut code =
        unsafe { (library.start)(service.as_ptr(), user.as_ptr(), &conversation, &mut handle) };
    if code != SUCCESS || handle.is_null() {
        return Err(library.broken(handle, code));
    }
    // SAFETY: the handle is from `start`; the function has the type that PAM calls it by.
    unsafe {
        code = (library.set_item)(handle, RHOST, from.as_ptr().cast());
        // Where there is no such item, it waits.
        (library.set_item)(handle, FAIL_DELAY, no_delay as Delay as *const c_void);
        if code == SUCCESS {
            code = (library.authenticate)(handle, FLAGS);
        }
        if code == SUCCESS {
            code = (library.account)(handle, FLAGS);
        }
    }
    let login = match code {
        SUCCESS => Ok(Login::Granted),
        code if BROKEN.contains(&code) => Err(library.broken(handle, code)),
        code => Ok(Login::Denied(library.meaning(handle, code))),
    };
    // SAFETY: the handle is not used after this.
    unsafe { (library.end)(handle, code) };
    login
}

impl Library {
    fn broken(&self, handle: *mut c_void, code: c_int) -> PamError {
        PamError::Broken(code, self.meaning(handle, code))
    }

    /// What a code means.
    fn meaning(&self, handle: *mut c_void, code: c_int) -> String {
        // SAFETY: a handle that has not ended, or none; what comes back is a constant of the library.
        let text = unsafe { (self.text)(handle, code) };
        if text.is_null() {
            return code.to_string();
        }
        // SAFETY: it ends with a zero.
        let text = unsafe { CStr::from_ptr(text) };
        text.to_string_lossy().into_owned()
    }
}

/// Lets nobody wait after a wrong password: everybody else would wait for that. mod_auth has a delay that holds up nobody.
extern "C" fn no_delay(_: c_int, _: c_uint, _: *mut c_void) {}

/// Answers each prompt with the password.
extern "C" fn answer(
    count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    let Ok(length @ 1..=32) = usize::try_from(count) else {
        return CONV_ERR;
    };
    // SAFETY: memory for so many responses, all zero; PAM frees it.
    let all: *mut Response = unsafe { libc::calloc(length, size_of::<Response>()) }.cast();
    if all.is_null() {
        return BUF_ERR;
    }
    for index in 0..length {
        // SAFETY: PAM gives `count` messages, as pointers one after the other, and there is a response for each; `data` is the
        // password, which ends with a zero.
        unsafe {
            let style = (**messages.add(index)).style;
            if style == PROMPT_ECHO_OFF || style == PROMPT_ECHO_ON {
                (*all.add(index)).text = libc::strdup(data.cast());
            }
        }
    }
    // SAFETY: PAM's place for them.
    unsafe { *responses = all };
    SUCCESS
}

fn library() -> Option<&'static Library> {
    static FOUND: OnceLock<Option<Library>> = OnceLock::new();
    FOUND.get_or_init(load).as_ref()
}

fn load() -> Option<Library> {
    // SAFETY: a name that ends with a zero. What the library does when it is loaded is the system's business.
    let handle = unsafe { libc::dlopen(LIBRARY.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    if handle.is_null() {
        return None;
    }
    let find = |name: &CStr| {
        // SAFETY: the handle is good, and never closed.
        let found = unsafe { libc::dlsym(handle, name.as_ptr()) };
        (!found.cast_const().eq(&null())).then_some(found)
    };
    // SAFETY: these functions of libpam have had these types since it was made (pam_appl.h).
    unsafe {
        Some(Library {
            start: std::mem::transmute::<*mut c_void, Start>(find(c"pam_start")?),
            set_item: std::mem::transmute::<*mut c_void, SetItem>(find(c"pam_set_item")?),
            authenticate: std::mem::transmute::<*mut c_void, Step>(find(c"pam_authenticate")?),
            account: std::mem::transmute::<*mut c_void, Step>(find(c"pam_acct_mgmt")?),
            end: std::mem::transmute::<*mut c_void, Step>(find(c"pam_end")?),
            text: std::mem::transmute::<*mut c_void, Text>(find(c"pam_strerror")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_not_let_in() {
        let login = || {
            login(
                c"other",
                c"no-such-user-of-everlit",
                b"secret\0",
                c"192.0.2.7",
            )
        };
        match login() {
            Ok(login) => assert_ne!(login, Login::Granted),
            Err(PamError::Missing) => println!("skipped: there is no PAM"),
            // As where there is no such service.
            Err(PamError::Broken(code, _)) => assert_ne!(code, SUCCESS),
        }
    }

    #[test]
    fn each_prompt_gets_the_password() {
        let message = |style| Message {
            style,
            text: null(),
        };
        let (one, two) = (message(PROMPT_ECHO_OFF), message(3));
        let mut messages: [*const Message; 2] = [&one, &two];
        let mut responses = null_mut();
        let data = c"secret".as_ptr().cast_mut().cast();
        assert_eq!(
            answer(0, messages.as_mut_ptr(), &mut responses, data),
            CONV_ERR
        );
        assert_eq!(
            answer(2, messages.as_mut_ptr(), &mut responses, data),
            SUCCESS
        );
        // SAFETY: two responses were made; the first has a string, and both are freed as PAM would.
        unsafe {
            let (first, second) = (&*responses, &*responses.add(1));
            assert_eq!(CStr::from_ptr(first.text), c"secret");
            assert!(second.text.is_null());
            libc::free(first.text.cast());
            libc::free(responses.cast());
        }
    }
}
