//! The user that an image has, and the files that know it: `passwd(5)`, `group(5)`, `shadow(5)`, `gshadow(5)`.

use serde::{Deserialize, Serialize};

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// A user of an image, beside those of its base. It is a member of the group `root` as well, so that what belongs to group 0
/// serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its own group; where no group has it, one is made with the user's name.
    pub gid: u32,
    /// Its home, such as `/home/user`.
    pub home: String,
    /// Its shell, such as `/bin/bash`.
    pub shell: String,
    /// Further groups that it is a member of.
    pub groups: Vec<String>,
}

/// A user that cannot be added to a base.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// Another user has the name.
    #[error("it has a user `{name}` with the number {uid}")]
    Name {
        /// The name.
        name: String,
        /// The number that it has.
        uid: String,
    },
    /// Another user has the number.
    #[error("its user `{other}` has the number {uid}")]
    Number {
        /// Who has it.
        other: String,
        /// The number.
        uid: u32,
    },
    /// The group that would be made has another number.
    #[error("it has no group {gid}, and its group `{name}` has another number")]
    Group {
        /// The name.
        name: String,
        /// The number that was asked for.
        gid: u32,
    },
    /// There is no such group.
    #[error("it has no group `{0}`")]
    NoGroup(String),
}

/// The texts of the files that know the users of a system; nothing where it has no such file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFiles {
    /// `/etc/passwd`.
    pub passwd: Option<String>,
    /// `/etc/group`.
    pub group: Option<String>,
    /// `/etc/shadow`.
    pub shadow: Option<String>,
    /// `/etc/gshadow`.
    pub gshadow: Option<String>,
}

impl User {
    /// The text that a layer's key has of it.
    pub fn key(&self) -> String {
        let Self { name, uid, gid, home, shell, groups } = self;
        format!("{name}:{uid}:{gid}:{home}:{shell}:{}", groups.join(","))
    }
}

impl AccountFiles {
    /// Adds a user whose password is never right, on the day of `timestamp` (in seconds since 1970). One that is there with this
    /// name and number stays as it is, and becomes a member of the groups.
    ///
    /// # Errors
    ///
    /// When another user has its name or its number, or a group is not there.
    pub fn add(&mut self, user: &User, timestamp: i64) -> Result<(), UserError> {
        let User { name, uid, gid, home, shell, groups } = user;
        let users = self.passwd.get_or_insert_default();
        let is_there = match (find(users, 0, name), find(users, 2, &uid.to_string())) {
            (Some(line), _) if field(line, 2) == uid.to_string() => true,
            (Some(line), _) => {
                return Err(UserError::Name { name: name.clone(), uid: field(line, 2).to_owned() });
            }
            (None, Some(line)) => {
                return Err(UserError::Number { other: field(line, 0).to_owned(), uid: *uid });
            }
            (None, None) => false,
        };
        let all = self.group.get_or_insert_default();
        let makes_group = !is_there && find(all, 2, &gid.to_string()).is_none();
        if makes_group && find(all, 0, name).is_some() {
            return Err(UserError::Group { name: name.clone(), gid: *gid });
        }
        if let Some(absent) = groups.iter().find(|group| find(all, 0, group).is_none()) {
            return Err(UserError::NoGroup(absent.clone()));
        }
        // The field says where the password is.
        let password = if self.shadow.is_some() { "x" } else { "*" };
        if !is_there {
            append(users, &format!("{name}:{password}:{uid}:{gid}::{home}:{shell}"));
            let day = timestamp.div_euclid(SECONDS_OF_A_DAY);
            self.shadow.iter_mut().for_each(|it| append(it, &format!("{name}:*:{day}:0:99999:7:::")));
        }
        if makes_group {
            append(all, &format!("{name}:{password}:{gid}:"));
            self.gshadow.iter_mut().for_each(|it| append(it, &format!("{name}:*::")));
        }
        for group in groups.iter().map(String::as_str).chain(["root"]) {
            add_member(all, group, name);
            self.gshadow.iter_mut().for_each(|it| add_member(it, group, name));
        }
        Ok(())
    }
}

/// Whether a text may be the hash of a password, by `crypt(5)`: it begins with the name of a method, or is DES's, which has 13
/// characters.
fn is_hash(text: &str) -> bool {
    text.starts_with(['$', '_']) || text.len() >= 13
}

impl AccountFiles {
    /// The numbers of a user and of its group.
    pub fn user(&self, name: &str) -> Option<(u32, u32)> {
        numbers(find(self.passwd.as_deref()?, 0, name)?)
    }

    /// The same, of a user's number.
    pub fn user_of_number(&self, uid: u32) -> Option<(u32, u32)> {
        numbers(find(self.passwd.as_deref()?, 2, &uid.to_string())?)
    }

    /// The name and the home of a user.
    pub fn login(&self, uid: u32) -> Option<(String, String)> {
        let line = find(self.passwd.as_deref()?, 2, &uid.to_string())?;
        // Without one, as in an image that names none, it is the root, as for `login(1)`.
        let home = Some(field(line, 5)).filter(|home| !home.is_empty()).unwrap_or("/");
        Some((field(line, 0).to_owned(), home.to_owned()))
    }

    /// Whether somebody can sign in by a password, or could once the account is unlocked.
    pub fn have_passwords(&self) -> bool {
        let files = [&self.passwd, &self.group, &self.shadow, &self.gshadow];
        let mut lines = files.into_iter().flatten().flat_map(|text| text.lines());
        // Distributions write words in their place, such as `!locked`.
        lines.any(|line| is_hash(field(line, 1).trim_matches(['*', '!'])))
    }

    /// The number of a group.
    pub fn group(&self, name: &str) -> Option<u32> {
        field(find(self.group.as_deref()?, 0, name)?, 2).parse().ok()
    }
}

fn numbers(line: &str) -> Option<(u32, u32)> {
    Some((field(line, 2).parse().ok()?, field(line, 3).parse().ok()?))
}

fn field(line: &str, at: usize) -> &str {
    line.split(':').nth(at).unwrap_or_default()
}

fn find<'a>(text: &'a str, at: usize, value: &str) -> Option<&'a str> {
    text.lines().find(|line| line.split(':').nth(at) == Some(value))
}

fn append(text: &mut String, line: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
    text.push('\n');
}

/// The members stand in the last of four fields.
fn add_member(text: &mut String, group: &str, name: &str) {
    let line = |line: &str| {
        let members = field(line, 3);
        if field(line, 0) != group || line.split(':').count() != 4 || members.split(',').any(|it| it == name)
        {
            return format!("{line}\n");
        }
        let separator = if members.is_empty() { "" } else { "," };
        format!("{line}{separator}{name}\n")
    };
    *text = text.lines().map(line).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_the_place_of_a_password_are_none() {
        let has = |shadow: &str| {
            let files = AccountFiles { shadow: Some(shadow.to_owned()), ..AccountFiles::default() };
            files.have_passwords()
        };
        // Debian's, Fedora's and UBI's, CentOS 7's, Solaris'.
        for none in ["*", "!", "!*", "!!", "x", "", "!locked", "locked", "*LK*", "NP"] {
            assert!(!has(&format!("root:{none}:0:99999:7:::\n")), "{none}");
        }
        // DES, BSDi, MD5, SHA-512, yescrypt; locked ones can be unlocked.
        let hashes = [
            "ab01FAX.bQRSU",
            "_J9..rasmBYk8r9AiWNc",
            "$1$salt$hashofmd5",
            "$6$salt$hashofsha512",
            "!$y$j9T$salt$hash",
        ];
        for hash in hashes {
            assert!(has(&format!("root:{hash}:0:99999:7:::\n")), "{hash}");
        }
    }

    fn user() -> User {
        User {
            name: "user".to_owned(),
            uid: 1000,
            gid: 100,
            home: "/home/user".to_owned(),
            shell: "/bin/bash".to_owned(),
            groups: vec!["video".to_owned()],
        }
    }

    fn files() -> AccountFiles {
        AccountFiles {
            passwd: Some("root:x:0:0:root:/root:/bin/sh\napp:x:500:600::/app:/bin/sh".to_owned()),
            group: Some("root:x:0:\nvideo:x:44:app\nusers:x:100:\n".to_owned()),
            shadow: Some("root:*:1:0:99999:7:::\n".to_owned()),
            gshadow: Some("root:*::\nvideo:*::app\nusers:*::\n".to_owned()),
        }
    }

    #[test]
    fn a_user_is_added_to_all_files() {
        let mut files = files();
        files.add(&user(), 3 * SECONDS_OF_A_DAY + 5).unwrap();
        assert_eq!(
            files.passwd.as_deref().unwrap(),
            "root:x:0:0:root:/root:/bin/sh\napp:x:500:600::/app:/bin/sh\nuser:x:1000:100::/home/user:/bin/bash\n"
        );
        assert_eq!(files.group.as_deref().unwrap(), "root:x:0:user\nvideo:x:44:app,user\nusers:x:100:\n");
        assert_eq!(files.shadow.as_deref().unwrap(), "root:*:1:0:99999:7:::\nuser:*:3:0:99999:7:::\n");
        assert_eq!(files.gshadow.as_deref().unwrap(), "root:*::user\nvideo:*::app,user\nusers:*::\n");
        // Whoever is there is not added again.
        let before = files.clone();
        files.add(&user(), 0).unwrap();
        assert_eq!(files, before);
    }

    #[test]
    fn a_group_of_its_own_is_made() {
        let mut files = files();
        files.add(&User { gid: 1234, groups: vec![], ..user() }, 0).unwrap();
        assert!(files.group.unwrap().ends_with("user:x:1234:\n"));
        assert!(files.gshadow.unwrap().ends_with("user:*::\n"));
    }

    #[test]
    fn a_base_without_such_files_gets_the_two_that_are_needed() {
        let mut files = AccountFiles::default();
        files.add(&User { groups: vec![], ..user() }, 0).unwrap();
        let (passwd, group) = ("user:*:1000:100::/home/user:/bin/bash\n", "user:*:100:\n");
        let wanted = AccountFiles {
            passwd: Some(passwd.to_owned()),
            group: Some(group.to_owned()),
            ..AccountFiles::default()
        };
        assert_eq!(files, wanted);
    }

    #[test]
    fn who_has_no_home_has_the_root() {
        let passwd = Some("app:x:500:600::/app:/bin/sh\nbare:x:7:7\nempty:x:8:8:::/bin/sh\n".to_owned());
        let files = AccountFiles { passwd, ..AccountFiles::default() };
        let home = |uid| files.login(uid).map(|(_, home)| home);
        assert_eq!(home(500).as_deref(), Some("/app"));
        assert_eq!((home(7).as_deref(), home(8).as_deref(), home(9)), (Some("/"), Some("/"), None));
    }

    #[test]
    fn what_others_have_is_refused() {
        let refused = |user: User| files().add(&user, 0).unwrap_err().to_string();
        assert_eq!(refused(User { uid: 500, ..user() }), "its user `app` has the number 500");
        let named = User { name: "app".to_owned(), ..user() };
        assert_eq!(refused(named), "it has a user `app` with the number 500");
        assert_eq!(refused(User { groups: vec!["gpu".to_owned()], ..user() }), "it has no group `gpu`");
        let named = User { name: "video".to_owned(), gid: 7, groups: vec![], ..user() };
        assert_eq!(refused(named), "it has no group 7, and its group `video` has another number");
    }
}
