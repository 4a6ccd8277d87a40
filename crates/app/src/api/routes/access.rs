//! Routes of access: worker clients, administrators, signing keys. All of them are ours.

use super::route::{Route, delete, get, post, put};
use crate::{
    access::permission::Permission::{ReadAccess, WriteAccess},
    api::{administrators, clients, signing_keys},
};

/// See the module.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    vec![
        get("/clients", ReadAccess, clients::list).ours()
            .named("readAllClients", "Lists the worker clients").pages("clients", "Client"),
        post("/clients", WriteAccess, clients::create).ours()
            .named("createClient", "Makes a worker client; its secret is in this answer and in no other").takes("ClientBody").creates("ClientWithSecret"),
        get("/clients/{clientId}", ReadAccess, clients::read).ours()
            .named("readOneClient", "Shows a worker client").gives("Client"),
        put("/clients/{clientId}", WriteAccess, clients::replace).ours()
            .named("updateClient", "Replaces a worker client; its secret stays").takes("ClientBody").gives("Client"),
        delete("/clients/{clientId}", WriteAccess, clients::remove).ours()
            .named("deleteClient", "Deletes a worker client; its tokens are void"),
        post("/clients/{clientId}/secret", WriteAccess, clients::rotate).ours()
            .named("rotateClientSecret", "Gives a worker client a new secret; the old one can stay valid for a while, or the client's tokens can end").may_take("SecretRotation").creates("ClientWithSecret"),

        get("/administrators", ReadAccess, administrators::list).ours()
            .named("readAllAdministrators", "Lists the administrators of the console").pages("administrators", "Administrator"),
        post("/administrators", WriteAccess, administrators::create).ours()
            .named("createAdministrator", "Makes an administrator; a generated password is in this answer and in no other").takes("AdministratorBody").creates("AdministratorWithPassword"),
        get("/administrators/{administratorId}", ReadAccess, administrators::read).ours()
            .named("readOneAdministrator", "Shows an administrator").gives("Administrator"),
        put("/administrators/{administratorId}", WriteAccess, administrators::replace).ours()
            .named("updateAdministrator", "Replaces an administrator; password and second factor stay").takes("AdministratorReplacement").gives("Administrator"),
        delete("/administrators/{administratorId}", WriteAccess, administrators::remove).ours()
            .named("deleteAdministrator", "Deletes an administrator"),
        post("/administrators/{administratorId}/password", WriteAccess, administrators::set_password).ours()
            .named("setAdministratorPassword", "Gives an administrator a new password, given or generated, and ends their sessions").may_take("PasswordBody").creates("AdministratorWithPassword"),
        delete("/administrators/{administratorId}/totp", WriteAccess, administrators::remove_totp).ours()
            .named("deleteAdministratorTotp", "Turns off an administrator's second factor, and ends their sessions"),
        delete("/administrators/{administratorId}/provider", WriteAccess, administrators::release).ours()
            .named("deleteAdministratorProvider", "Releases an administrator from their account at the OpenID provider"),

        get("/signingKeys", ReadAccess, signing_keys::list).ours()
            .named("readAllSigningKeys", "Lists the keys that access tokens are signed with, without the keys").lists("signingKeys", "SigningKey"),
        post("/signingKeys", WriteAccess, signing_keys::rotate).ours()
            .named("createSigningKey", "Signs access tokens with a new key from now on; those of before stay good").creates("SigningKey"),
        delete("/signingKeys/{signingKeyId}", WriteAccess, signing_keys::revoke).ours()
            .named("deleteSigningKey", "Deletes a signing key that signs no more; its tokens are void"),
    ]
}
