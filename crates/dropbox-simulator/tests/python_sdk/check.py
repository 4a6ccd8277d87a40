#!/usr/bin/env python3
"""Judges the Dropbox simulator by Dropbox's own Python SDK.

The SDK knows nothing of the simulator, and the simulator nothing of the SDK: where they agree, it is because both
follow the specification. Three things are checked:

1. the SDK, as a client, works with every route that is served, and meets the errors it should;
2. every raw answer on the way passes Stone's strict decoder for the route's result or error type;
3. requests that Stone's strict decoder refuses are refused with 400, and those it takes are not.

    check.py --simulator PATH_TO_BINARY     starts the binary on a free port, and stops it
    check.py --url http://127.0.0.1:9100    uses one that is running (and changes its team)

Prints one line per check, and "N passed, N failed" at the end. Exits with 1 when any failed.
"""

import argparse
import datetime
import json
import re
import subprocess
import sys
import threading

import requests
from dropbox import auth, dropbox_client, exceptions, team, team_common, team_log
from stone.backends.python_rsrc import stone_serializers as ss
from stone.backends.python_rsrc import stone_validators as bv

API = "https://api.dropboxapi.com"
KEY, SECRET, REFRESH = "simulated-app-key", "simulated-app-secret", "simulated-refresh-token"
DAY_MS = 24 * 60 * 60 * 1000


def path_of(name):
    """"members/add:2" -> "team/members/add_v2"."""
    base, _, version = name.partition(":")
    return "team/" + base + ("_v" + version if version else "")


ROUTES = {path_of(name): route for name, route in team.ROUTES.items()}
ROUTES |= {"team_log/" + name: route for name, route in team_log.ROUTES.items()}

SERVED = """
team/get_info team/features/get_values team/token/get_authenticated_admin
team/members/list_v2 team/members/list/continue_v2 team/members/get_info_v2
team/members/get_available_team_member_roles team/members/add_v2 team/members/add/job_status/get_v2
team/members/set_profile_v2 team/members/set_admin_permissions_v2 team/members/suspend team/members/unsuspend
team/members/remove team/members/remove/job_status/get team/members/recover team/members/send_welcome_email
team/groups/list team/groups/list/continue team/groups/get_info team/groups/create team/groups/update
team/groups/delete team/groups/job_status/get team/groups/members/list team/groups/members/list/continue
team/groups/members/add team/groups/members/remove team/groups/members/set_access_type
team_log/get_events team_log/get_events/continue
""".split()

# What the simulator tells of; the log of a real team knows some 500 kinds more.
EVENTS = """
group_add_external_id group_add_member group_change_external_id group_change_management_type group_change_member_role
group_create group_delete group_remove_external_id group_remove_member group_rename member_add_external_id
member_change_admin_role member_change_email member_change_external_id member_change_name member_change_status
member_remove_external_id
""".split()


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, holds, detail=""):
        if holds:
            self.passed += 1
            print(f"ok    {name}")
        else:
            self.failed += 1
            print(f"FAIL  {name}  {detail}")

    def equal(self, name, got, expected):
        self.check(name, got == expected, f"got {got!r}, expected {expected!r}")


class Redirected(requests.Session):
    """Sends what is meant for Dropbox to the simulator, and looks at every answer on its way back."""

    def __init__(self, url):
        super().__init__()
        self.trust_env = False
        self.target = url
        self.judged, self.wrong, self.seen = 0, [], {}

    def request(self, method, url, *args, **kwargs):
        assert url.startswith(API), url
        response = super().request(method, self.target + url[len(API):], *args, **kwargs)
        self.judge(url[len(API):], response)
        return response

    def judge(self, path, response):
        self.judged += 1
        try:
            self.judge_strictly(path, response)
        except (bv.ValidationError, AssertionError, KeyError, ValueError) as error:
            self.wrong.append(f"{path} {response.status_code}: {error!r}: {response.text[:300]}")

    def judge_strictly(self, path, response):
        status, kind = response.status_code, response.headers.get("content-type")
        assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Dropbox-Request-Id"]), "no request id"
        if path == "/oauth2/token":
            return
        name = path.removeprefix("/2/")
        outcomes = self.seen.setdefault(name, set())
        if status == 200:
            assert kind == "application/json", kind
            decode(ROUTES[name].result_type, response.json())
            outcomes.add("result")
        elif status in (401, 409):
            assert kind == "application/json", kind
            body = response.json()
            decode(ROUTES[name].error_type if status == 409 else auth.AuthError_validator, body["error"])
            tag = body["error"][".tag"]
            assert re.fullmatch(re.escape(tag) + r"(/[a-z_]+)*/\.{0,3}", body["error_summary"]), body
            outcomes.add(tag)
        elif status == 429:
            assert int(response.headers["Retry-After"]) >= 0
            if kind == "application/json":
                decode(auth.RateLimitError_validator, response.json()["error"])
        elif status == 400:
            assert kind == "text/plain; charset=utf-8", kind
            assert response.text.startswith(f'Error in call to API function "{name}": '), response.text


def decode(kind, value):
    return ss.json_compat_obj_decode(kind, value, strict=True)


class Simulator:
    """The binary under test, on a free port."""

    def __init__(self, binary):
        command = [binary, "--listen", "127.0.0.1:0", "--members", "25", "--groups", "2", "--licenses", "60"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = None
        for line in self.process.stdout:
            found = re.search(r"http://[0-9.:]+", line)
            if found:
                self.url = found.group()
                break
        if self.url is None:
            raise SystemExit(f"{binary} did not say where it listens (exit {self.process.wait()})")
        # Nobody reads the rest; it must not block the simulator.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Check:
    def __init__(self, url):
        self.url, self.tally = url, Tally()
        self.session = Redirected(url)
        self.dbx = self.client(self.session)

    @staticmethod
    def client(session, **more):
        settings = {"oauth2_refresh_token": REFRESH, "app_key": KEY, "app_secret": SECRET} | more
        return dropbox_client.DropboxTeam(
            session=session, max_retries_on_error=0, max_retries_on_rate_limit=0, timeout=20, **settings
        )

    def control(self, what, body=None, method="POST"):
        plain = requests.Session()
        plain.trust_env = False
        response = plain.request(method, f"{self.url}/_simulator/{what}", data=json.dumps(body))
        response.raise_for_status()
        return response.json()

    def refused(self, name, expected, call):
        try:
            call()
            self.tally.check(name, False, "was not refused")
        except exceptions.ApiError as error:
            self.tally.equal(name, error.error._tag, expected)

    def fault(self, target, fault, when="before_effect"):
        self.control("faults", {"target": target, "trigger": "next", "fault": fault, "when": when})

    # ---- the parts ----

    def the_team(self):
        info = self.dbx.team_get_info()
        self.tally.equal("team/get_info tells the licences", info.num_licensed_users, 60)
        self.tally.equal("team/get_info counts everyone", info.num_provisioned_users, 26)
        features = [getattr(team.Feature, tag) for tag in team.Feature._tagmap if tag != "other"]
        values = self.dbx.team_features_get_values(features).values
        self.tally.equal("every feature has a value", [v._tag for v in values], [f._tag for f in features])
        self.refused("no features", "empty_features_list", lambda: self.dbx.team_features_get_values([]))
        admin = self.dbx.team_token_get_authenticated_admin().admin_profile
        self.tally.equal("the administrator is told", admin.email, "admin@team.example.com")

    def listings(self):
        page = self.dbx.team_members_list_v2(limit=10)
        emails = [member.profile.email for member in page.members]
        while page.has_more:
            page = self.dbx.team_members_list_continue_v2(page.cursor)
            emails += [member.profile.email for member in page.members]
        self.tally.equal("members are listed by pages, each once", (len(emails), len(set(emails))), (26, 26))
        page = self.dbx.team_groups_list(limit=1)
        names = [group.group_name for group in page.groups]
        while page.has_more:
            page = self.dbx.team_groups_list_continue(page.cursor)
            names += [group.group_name for group in page.groups]
        self.tally.equal("groups are listed by pages", names, ["Everyone at Simulated Team", "Group 1", "Group 2"])
        group = team.GroupSelector.group_id(self.group_id("Group 1"))
        page = self.dbx.team_groups_members_list(group, limit=5)
        members = list(page.members)
        while page.has_more:
            page = self.dbx.team_groups_members_list_continue(page.cursor)
            members += page.members
        self.tally.equal("a group's members are listed by pages", len(members), 13)
        for name, call in [
            ("members", self.dbx.team_members_list_continue_v2),
            ("groups", self.dbx.team_groups_list_continue),
            ("a group's members", self.dbx.team_groups_members_list_continue),
        ]:
            self.refused(f"a made-up cursor for {name}", "invalid_cursor", lambda call=call: call("nonsense"))

    def group_id(self, name):
        return next(g.group_id for g in self.dbx.team_groups_list().groups if g.group_name == name)

    def joining(self):
        arg = team.MemberAddV2Arg
        new = [
            arg("Ada@Example.com", member_given_name="Ada", member_surname="Lovelace", member_external_id="e-1"),
            arg("member000001@team.example.com"),
            arg("grace@example.com", member_external_id="e-1"),
            arg("persistent@example.com", member_persistent_id="p-1"),
            arg("norole@example.com", role_ids=["pid_dbtmr:nothing"]),
        ]
        done = self.dbx.team_members_add_v2(new)
        tags = [item._tag for item in done.get_complete()]
        expected = [
            "success", "user_already_on_team", "duplicate_external_member_id", "persistent_id_disabled",
            "user_creation_failed",
        ]
        self.tally.equal("each new member has an outcome", tags, expected)
        profile = done.get_complete()[0].get_success().profile
        self.tally.equal("addresses are kept in lower case", profile.email, "ada@example.com")
        self.tally.check("a new member is invited", profile.status.is_invited() and profile.invited_on is not None)
        self.ada = team.UserSelectorArg.team_member_id(profile.team_member_id)
        self.dbx.team_members_send_welcome_email(self.ada)
        self.nobody = team.UserSelectorArg.email("nobody@example.com")
        self.refused("a welcome for nobody", "user_not_found",
                     lambda: self.dbx.team_members_send_welcome_email(self.nobody))

        job = self.dbx.team_members_add_v2([arg("job@example.com")], force_async=True).get_async_job_id()
        self.tally.check("a forced job is in progress",
                         self.dbx.team_members_add_job_status_get_v2(job).is_in_progress())
        status = self.dbx.team_members_add_job_status_get_v2(job)
        self.tally.check("and then complete", status.is_complete() and status.get_complete()[0].is_success())
        self.fault("team/members/add_v2", {"async_job": {"polls": 0, "end": {"failed": "broke"}}})
        job = self.dbx.team_members_add_v2([arg("never@example.com")]).get_async_job_id()
        self.tally.equal("a job can fail", self.dbx.team_members_add_job_status_get_v2(job).get_failed(), "broke")
        for name, call in [
            ("add", self.dbx.team_members_add_job_status_get_v2),
            ("remove", self.dbx.team_members_remove_job_status_get),
            ("groups", self.dbx.team_groups_job_status_get),
        ]:
            self.refused(f"a made-up job of {name}", "invalid_async_job_id", lambda call=call: call("none"))

    def profiles(self):
        users = [self.ada, self.nobody, team.UserSelectorArg.external_id("e-1")]
        infos = self.dbx.team_members_get_info_v2(users).members_info
        self.tally.equal("members are found or not", [info._tag for info in infos],
                         ["member_info", "id_not_found", "member_info"])
        changed = self.dbx.team_members_set_profile_v2(self.ada, new_email="ADA2@example.com", new_surname="King")
        name = changed.member_info.profile.name
        self.tally.equal("a profile is changed", (changed.member_info.profile.email, name.display_name),
                         ("ada2@example.com", "Ada King"))
        set_profile = self.dbx.team_members_set_profile_v2
        by_external_id = team.UserSelectorArg.external_id("e-1")
        cases = [
            ("user_not_found", lambda: set_profile(self.nobody, new_surname="x")),
            ("no_new_data_specified", lambda: set_profile(self.ada)),
            ("email_reserved_for_other_user",
             lambda: set_profile(self.ada, new_email="member000001@team.example.com")),
            ("external_id_and_new_external_id_unsafe", lambda: set_profile(by_external_id, new_external_id="x")),
            ("persistent_id_disabled", lambda: set_profile(self.ada, new_persistent_id="p")),
            ("directory_restricted_off", lambda: set_profile(self.ada, new_is_directory_restricted=True)),
        ]
        for expected, call in cases:
            self.refused(f"set_profile: {expected}", expected, call)
        roles = self.dbx.team_members_get_available_team_member_roles().roles
        self.tally.equal("there are three roles", len(roles), 3)
        permissions = self.dbx.team_members_set_admin_permissions_v2
        given = permissions(self.ada, new_roles=[roles[1].role_id])
        self.tally.equal("a role is given", [role.role_id for role in given.roles], [roles[1].role_id])
        self.tally.equal("and taken away", permissions(self.ada, new_roles=[]).roles, [])
        admin = team.UserSelectorArg.email("admin@team.example.com")
        self.refused("the last administrator's role", "last_admin", lambda: permissions(admin, new_roles=[]))
        self.refused("a role that is not there", "role_not_found",
                     lambda: permissions(self.ada, new_roles=["pid_dbtmr:nothing"]))

    def leaving(self):
        suspend, unsuspend = self.dbx.team_members_suspend, self.dbx.team_members_unsuspend
        remove, recover = self.dbx.team_members_remove, self.dbx.team_members_recover
        self.refused("suspending the invited", "suspend_inactive_user", lambda: suspend(self.ada, wipe_data=False))
        self.refused("unsuspending the invited", "unsuspend_non_suspended_member", lambda: unsuspend(self.ada))
        self.control("people", {"accept_invitation": {"email": "ada2@example.com"}})
        self.tally.check("suspending answers nothing", suspend(self.ada, wipe_data=False) is None)
        info = self.dbx.team_members_get_info_v2([self.ada]).members_info[0].get_member_info()
        self.tally.check("who is suspended says since when",
                         info.profile.status.is_suspended() and info.profile.suspended_on is not None)
        self.refused("a suspended member's role", "cannot_set_permissions",
                     lambda: self.dbx.team_members_set_admin_permissions_v2(self.ada, new_roles=[]))
        self.tally.check("unsuspending answers nothing", unsuspend(self.ada) is None)
        admin = team.UserSelectorArg.email("admin@team.example.com")
        self.refused("suspending the last administrator", "suspend_last_admin",
                     lambda: suspend(admin, wipe_data=False))
        self.refused("removing the last administrator", "remove_last_admin", lambda: remove(admin, wipe_data=False))
        self.refused("suspending nobody", "user_not_found", lambda: suspend(self.nobody))
        other = team.UserSelectorArg.email("member000002@team.example.com")
        for expected, more in [
            ("cannot_keep_account_and_delete_data", {"keep_account": True}),
            ("cannot_retain_shares_when_no_account_kept", {"wipe_data": False, "retain_team_shares": True}),
            ("unspecified_transfer_admin_id", {"transfer_dest_id": other}),
            ("transfer_admin_is_not_admin", {"transfer_dest_id": other, "transfer_admin_id": other}),
            ("transfer_dest_user_not_found", {"transfer_dest_id": self.nobody, "transfer_admin_id": admin}),
        ]:
            self.refused(f"remove: {expected}", expected, lambda more=more: remove(self.ada, **more))
        self.tally.check("removing is complete", remove(self.ada, wipe_data=False).is_complete())
        self.refused("removing twice", "user_not_in_team", lambda: remove(self.ada, wipe_data=False))
        self.refused("a removed member's profile", "set_profile_disallowed",
                     lambda: self.dbx.team_members_set_profile_v2(self.ada, new_surname="x"))
        listed = self.dbx.team_members_list_v2(include_removed=True).members
        status = next(m.profile.status for m in listed if m.profile.email == "ada2@example.com")
        self.tally.check("who was removed is recoverable", status.is_removed() and status.get_removed().is_recoverable)
        again = self.dbx.team_members_add_v2([team.MemberAddV2Arg("ada2@example.com")])
        self.tally.equal("and still holds the address", again.get_complete()[0]._tag, "user_already_on_team")
        self.tally.check("recovering answers nothing", recover(self.ada) is None)
        self.refused("recovering who is there", "user_unrecoverable", lambda: recover(self.ada))
        self.fault("team/members/remove", {"async_job": {"polls": 1, "end": "complete"}})
        job = remove(self.ada, wipe_data=False).get_async_job_id()
        states = [self.dbx.team_members_remove_job_status_get(job)._tag for _ in range(2)]
        self.tally.equal("removing can be a job", states, ["in_progress", "complete"])
        self.control("clock", {"advance_ms": 7 * DAY_MS})
        self.dbx = self.client(self.session)
        self.refused("recovering after seven days", "user_unrecoverable", lambda: self.dbx.team_members_recover(self.ada))

    def groups(self):
        create, kind = self.dbx.team_groups_create, team_common.GroupManagementType
        made = create("Sales", group_external_id="x-1", group_management_type=kind.company_managed)
        self.tally.equal("a new group is empty", (made.member_count, made.members), (0, []))
        self.refused("its name again, in capitals", "group_name_already_used", lambda: create("SALES"))
        self.refused("its external id again", "external_id_already_in_use",
                     lambda: create("Other", group_external_id="x-1"))
        self.refused("no name", "group_name_invalid", lambda: create(""))
        self.refused("a system-managed group", "system_managed_group_disallowed",
                     lambda: create("Mine", group_management_type=kind.system_managed))
        sales = team.GroupSelector.group_external_id("x-1")
        update = self.dbx.team_groups_update
        self.tally.equal("a group is renamed",
                         update(sales, return_members=False, new_group_name="Selling").group_name, "Selling")
        self.refused("to a name that is taken", "group_name_already_used",
                     lambda: update(sales, new_group_name="group 1"))
        nothing = team.GroupSelector.group_id("g:none")
        self.refused("updating no group", "group_not_found", lambda: update(nothing, new_group_name="x"))

        users = [team.UserSelectorArg.email(f"member00000{n}@team.example.com") for n in (1, 2)]
        access = team.GroupAccessType
        members = [team.MemberAccess(user, access.member) for user in users]
        add, leave = self.dbx.team_groups_members_add, self.dbx.team_groups_members_remove
        result = add(sales, members, return_members=False)
        self.tally.equal("members join", (result.group_info.member_count, result.async_job_id), (2, " "))
        self.refused("joining twice", "duplicate_user", lambda: add(sales, members))
        self.refused("joining nothing", "group_not_found", lambda: add(nothing, members))
        self.refused("nobody joins", "users_not_found",
                     lambda: add(sales, [team.MemberAccess(self.nobody, access.member)]))
        self.refused("who was removed joins", "members_not_in_team",
                     lambda: add(sales, [team.MemberAccess(self.ada, access.member)]))
        third = team.UserSelectorArg.email("member000003@team.example.com")
        self.refused("an owner of a company's group", "user_cannot_be_manager_of_company_managed_group",
                     lambda: add(sales, [team.MemberAccess(third, access.owner)]))
        profile = self.dbx.team_members_get_info_v2(users[:1]).members_info[0].get_member_info().profile
        self.tally.check("a member's profile tells their groups", made.group_id in profile.groups)
        set_access = self.dbx.team_groups_members_set_access_type
        infos = set_access(sales, users[0], access.member, return_members=False)
        self.tally.equal("access is set", [info._tag for info in infos], ["group_info"])
        self.refused("access of who is not in it", "member_not_in_group",
                     lambda: set_access(sales, third, access.member))
        self.refused("leaving without being in it", "member_not_in_group", lambda: leave(sales, [users[0], third]))
        self.tally.equal("members leave", leave(sales, users[:1]).group_info.member_count, 1)
        ids = team.GroupsSelector.group_ids([made.group_id, "g:none"])
        self.tally.equal("groups are found or not", [info._tag for info in self.dbx.team_groups_get_info(ids)],
                         ["group_info", "id_not_found"])
        everyone = team.GroupSelector.group_id(self.group_id("Everyone at Simulated Team"))
        self.refused("joining everyone", "system_managed_group_disallowed", lambda: add(everyone, members))
        self.refused("deleting everyone", "system_managed_group_disallowed",
                     lambda: self.dbx.team_groups_delete(everyone))
        self.refused("the members of no group", "group_not_found",
                     lambda: self.dbx.team_groups_members_list(nothing))
        by_id = team.GroupSelector.group_id(made.group_id)
        self.fault("team/groups/delete", {"async_job": {"polls": 1, "end": "complete"}})
        job = self.dbx.team_groups_delete(by_id).get_async_job_id()
        states = [self.dbx.team_groups_job_status_get(job)._tag for _ in range(2)]
        self.tally.equal("deleting can be a job", states, ["in_progress", "complete"])
        self.refused("deleting twice", "group_already_deleted", lambda: self.dbx.team_groups_delete(by_id))

    def events(self):
        """After everything else was done: each kind of event was told, and read by the SDK."""
        person = lambda act, **more: self.control("people", {act: more})
        dan = {"email": "dan@example.com"}
        person("add_member", given_name="Dan", surname="D", invited=True, **dan)
        person("accept_invitation", **dan)
        person("rename", given_name="Daniel", surname="Dee", **dan)
        for external_id in ("d-1", "d-2", None):
            person("change_external_id", external_id=external_id, **dan)
        self.control("event_log", {"in_order": True})
        group = self.dbx.team_groups_create("Told", group_management_type=team_common.GroupManagementType.user_managed)
        by_id = team.GroupSelector.group_id(group.group_id)
        for external_id in ("t-1", "t-2", ""):
            self.dbx.team_groups_update(by_id, new_group_external_id=external_id)
        by_email = team.UserSelectorArg.email("dan@example.com")
        access = team.GroupAccessType
        self.dbx.team_groups_members_add(by_id, [team.MemberAccess(by_email, access.member)])
        self.dbx.team_groups_members_set_access_type(by_id, by_email, access.owner)
        managed = team_common.GroupManagementType.company_managed
        self.dbx.team_groups_update(by_id, new_group_name="Told twice", new_group_management_type=managed)
        person("leave_group", name="Told twice", **dan)
        person("delete_group", name="Told twice")
        person("leave_for_another_team", **dan)
        log, more = self.dbx.team_log_get_events, self.dbx.team_log_get_events_continue
        page = log(limit=10)
        told = list(page.events)
        while page.has_more:
            page = more(page.cursor)
            told += page.events
        self.tally.equal("every kind of event is told", sorted({event.event_type._tag for event in told}), EVENTS)
        own = [event.event_type._tag for event in told if event.details._tag != event.event_type._tag + "_details"]
        self.tally.equal("each with its own details", own, [])
        status = told[-1].details.get_member_change_status_details()
        self.tally.check("leaving for another team is the last",
                         status.new_value.is_moved_to_another_team() and status.previous_value.is_active())
        self.tally.equal("a member is told by name",
                         told[-1].context.get_team_member().email, "dan@example.com")
        account = told[-1].context.get_team_member().account_id
        groups = log(category=team_log.EventCategory.groups).events
        self.tally.check("one category alone", groups and all(e.event_category.is_groups() for e in groups))
        deleted = log(event_type=team_log.EventTypeArg.group_delete).events
        self.tally.check("one type alone", deleted and all(e.event_type.is_group_delete() for e in deleted))
        self.tally.equal("one account alone", len(log(account_id=account).events),
                         len([e for e in told if e.context.is_team_member()
                              and e.context.get_team_member().account_id == account]))
        future = datetime.datetime(2099, 1, 1)
        self.tally.equal("a time alone", log(time=team_common.TimeRange(start_time=future)).events, [])
        self.refused("no time at all", "invalid_time_range",
                     lambda: log(time=team_common.TimeRange(start_time=future, end_time=future)))
        self.refused("a category and a type", "invalid_filters", lambda: log(
            category=team_log.EventCategory.groups, event_type=team_log.EventTypeArg.group_delete))
        self.refused("nobody's events", "account_id_not_found", lambda: log(account_id="x" * 40))
        self.refused("a made-up cursor for events", "bad_cursor", lambda: more("nonsense"))
        self.control("event_log", {"forget_cursors": True})
        self.refused("a cursor that is out of date", "reset", lambda: more(page.cursor))

    def licences(self):
        left = 60 - self.dbx.team_get_info().num_used_licenses
        tags = []
        for start in range(0, left + 1, 20):
            new = [team.MemberAddV2Arg(f"l{n}@example.com") for n in range(start, min(start + 20, left + 1))]
            tags += [item._tag for item in self.dbx.team_members_add_v2(new).get_complete()]
        self.tally.equal("licences run out", tags, ["success"] * left + ["team_license_limit"])

    def transport(self):
        self.fault("any", {"throttle": {"retry_after": 3}})
        self.meets("throttling in JSON", exceptions.RateLimitError, lambda error: error.backoff == 3)
        self.fault("any", {"throttle": {"retry_after": 4, "plain": True}})
        self.meets("throttling in plain text", exceptions.RateLimitError, lambda error: error.backoff == 4)
        self.fault("any", {"too_many_writes": {"retry_after": 1}})
        self.meets("too many writes", exceptions.RateLimitError,
                   lambda error: error.error.reason.is_too_many_write_operations())
        self.fault("any", {"server_error": {"status": 503}})
        self.meets("a server's error", exceptions.InternalServerError, lambda error: error.status_code == 503)
        self.fault("any", "forbidden")
        self.meets("403", exceptions.ApiError, lambda error: "does not permit" in error.user_message_text)
        self.fault("any", "invalid_token")
        self.meets("a bad token", exceptions.AuthError, lambda error: error.error.is_invalid_access_token())
        self.fault("any", "expired_token")
        self.tally.check("an expired token is refreshed", self.dbx.team_get_info() is not None)
        for what, fault in [("a reset", "reset"), ("a truncated answer", "truncated")]:
            self.fault("any", fault)
            self.meets(what, requests.exceptions.RequestException, lambda _: True)
        self.fault("team/members/list_v2", "unknown_tag")
        # A closed union cannot grow in the SDK: it fails as it would with Dropbox. The raw answer is meant to be wrong.
        before = len(self.session.wrong)
        try:
            self.dbx.team_members_list_v2()
            self.tally.check("an unknown status breaks the SDK", False, "it did not")
        except bv.ValidationError as error:
            self.tally.check("an unknown status breaks the SDK", "hibernating" in str(error), str(error))
        del self.session.wrong[before:]
        wrong = self.client(self.session, app_secret="wrong")
        self.meets("a wrong secret", exceptions.BadInputError, lambda _: True, wrong)
        unknown = self.client(self.session, oauth2_refresh_token="unknown")
        self.meets("an unknown refresh token", exceptions.AuthError, lambda _: True, unknown)

    def meets(self, name, kind, holds, dbx=None):
        try:
            (dbx or self.dbx).team_get_info()
            self.tally.check(f"the SDK meets {name}", False, "nothing happened")
        except kind as error:
            self.tally.check(f"the SDK meets {name}", holds(error), repr(error))
        except Exception as error:  # pylint: disable=broad-except
            self.tally.check(f"the SDK meets {name}", False, f"met {error!r} instead")

    def strictness(self):
        """What Stone's strict decoder refuses is refused with 400, and nothing else is."""
        self.dbx.check_and_refresh_access_token()
        # pylint: disable=protected-access
        headers = {"Authorization": "Bearer " + self.dbx._oauth2_access_token, "Content-Type": "application/json"}
        accepted = rejected = 0
        for name in SERVED:
            for body in bodies(name):
                try:
                    ss.json_decode(ROUTES[name].arg_type, body, strict=True)
                    expected = None
                    accepted += 1
                except bv.ValidationError as error:
                    expected = str(error)
                    rejected += 1
                response = self.session.post(f"{API}/2/{name}", headers=headers, data=body.encode())
                is_refused = response.status_code == 400
                verdict = "refused" if expected else "taken"
                self.tally.check(f"{verdict} like Stone: {name} {body[:110]}", is_refused == bool(expected),
                                 f"Stone: {expected}; simulator: {response.status_code} {response.text[:200]}")
        self.tally.check("both kinds were tried", accepted > 60 and rejected > 100, f"{accepted}, {rejected}")

    def coverage(self):
        for wrong in self.session.wrong:
            self.tally.check("an answer passes Stone's strict decoder", False, wrong)
        self.tally.check(f"all {self.session.judged} answers pass Stone's strict decoder", not self.session.wrong)
        without = [name for name in SERVED if "result" not in self.session.seen.get(name, ())]
        self.tally.equal("every route gave a result", without, [])
        errors = {(name, tag) for name, tags in self.session.seen.items() for tag in tags - {"result"}}
        self.tally.check(f"{len(errors)} errors of routes were met", len(errors) >= 55, f"only {len(errors)}")
        self.tally.equal("the simulator has no complaint", self.control("state", method="GET")["complaints"], [])

    def run(self):
        for part in [
            self.the_team, self.listings, self.joining, self.profiles, self.leaving, self.groups, self.transport,
            self.strictness, self.events, self.licences, self.coverage,
        ]:
            try:
                part()
            except Exception as error:  # pylint: disable=broad-except
                self.tally.check(f"{part.__name__} runs to its end", False, f"{error!r}")
        print(f"{self.tally.passed} passed, {self.tally.failed} failed")
        return 1 if self.tally.failed else 0


EMAILS = [
    "a@b.co", "A.B+c'#&%_-@x-y.example", "a@b.c", "a@b.abcdefghijklmnop", "a b@c.de", "a@b", "", "@b.co", "a/b@c.de",
    "ä@b.co", "a@b.co\n", "a@b.xn--p1ai", "x" * 250 + "@b.co", "x" * 249 + "@b.co", "a@.co", "a@-b.co", "a!@b.co",
]
SELECTORS = [
    {".tag": "email", "email": "nobody@example.com"}, {".tag": "external_id", "external_id": ""},
    {".tag": "external_id", "external_id": "x" * 64}, {".tag": "external_id", "external_id": "x" * 65},
    {".tag": "team_member_id", "team_member_id": "dbmid:none"}, {".tag": "team_member_id", "team_member_id": 7},
    {".tag": "team_member_id", "team_member_id": None}, {".tag": "team_member_id"}, {".tag": "phone", "phone": "1"},
    {".tag": "email", "email": "nobody@example.com", "external_id": "x"}, {"email": "nobody@example.com"},
    {".tag": 1}, {}, None, "email", "phone", 1, [], True, {".tag": "email", "email": {}},
]
GROUPS = [
    {".tag": "group_id", "group_id": "g:none"}, {".tag": "group_external_id", "group_external_id": ""},
    {".tag": "group_id"}, {".tag": "group_id", "group_id": "g", "x": 1}, {".tag": "other"}, "group_id", None, 3, {},
]
BOOLEANS = [True, False, None, 0, "true", []]
LIMITS = [1, 1000, 0, 1001, -1, 1.0, 1.5, "1", None, True, False, [], 10**30]
NAMES = ["", "x" * 50, "x" * 51, "\U0001f600" * 50, "\U0001f600" * 51, "a/b", "a:b", "a*b", 'a"b', "a|b", "a<b", "a\nb",
         "a\\b", None, 1, ["a"]]


def bodies(name):
    """Requests for a route, good and bad. None of them finds anyone; the most that one can do is to invite."""
    user, group = SELECTORS[0], GROUPS[0]
    anything = ["", "{", "null", "{}", "[]", "1", '"x"', '{"nothing": 1}', '{".tag": "x"}']
    found = []

    def vary(base, key, values):
        found.extend(json.dumps({**base, key: value}) for value in values)

    kind = name.removeprefix("team/")
    if kind == "team_log/get_events":
        vary({}, "limit", LIMITS)
        vary({}, "account_id", ["", "x" * 39, "x" * 41, 1, None])
        vary({}, "category", ["members", {".tag": "groups"}, "other", "nothing", None, 1, {}])
        vary({}, "event_type", ["member_change_status", {".tag": "file_add"}, "other", "nothing", None, 1, {}])
        time = "2026-01-01T00:00:00Z"
        vary({}, "time", [{}, None, {"start_time": time}, {"end_time": time}, {"start_time": "2026-01-01"},
                          {"start_time": time + "Z"}, {"start_time": None}, {"since": time}, time, 1])
        vary({}, "nothing", [1])
    if kind == "features/get_values":
        vary({}, "features", [["upload_api_rate_limit"], [{".tag": "has_team_file_events"}], ["other"], ["x"], "x",
                              [{".tag": "has_team_file_events", "has_team_file_events": None}], [], None,
                              [{".tag": "has_team_file_events", "has_team_file_events": 1}],
                              [{".tag": "has_team_file_events", "x": 1}]])
    elif kind in ("members/list_v2", "groups/list"):
        vary({}, "limit", LIMITS)
        vary({}, "include_removed", BOOLEANS)
    elif kind.endswith("/continue") or kind.endswith("/continue_v2"):
        vary({}, "cursor", ["", "x", None, 1, {}])
        vary({"cursor": "x"}, "limit", [1])
    elif "job_status" in kind:
        vary({}, "async_job_id", ["x", "", None, 1])
    elif kind == "members/get_info_v2":
        vary({}, "members", [[one] for one in SELECTORS] + [[], None, "x", user])
    elif kind == "members/add_v2":
        base = {"member_email": "member000001@team.example.com"}
        items = [{"member_email": email} for email in EMAILS[2:]] + [{}, None, "x"]
        for key, values in [
            ("member_given_name", NAMES), ("member_surname", NAMES), ("send_welcome_email", BOOLEANS),
            ("member_external_id", ["", "x" * 64, "x" * 65, None, 1]), ("is_directory_restricted", BOOLEANS),
            ("role_ids", [[], None, ["pid_dbtmr:x"], ["x"], ["pid_dbtmr:x", "pid_dbtmr:y"], ["pid_dbtmr:" + "x" * 119],
                          ["pid_dbtmr:" + "x" * 118], "pid_dbtmr:x", [None]]),
            ("member_persistent_id", ["", None, 1]), ("role", ["member_only"]), ("nothing", [1]),
        ]:
            items += [{**base, key: value} for value in values]
        found.extend(json.dumps({"new_members": [item]}) for item in items)
        vary({"new_members": []}, "force_async", BOOLEANS)
        vary({}, "new_members", [[], None, base])
    elif kind == "members/set_profile_v2":
        vary({}, "user", SELECTORS)
        for key, values in [("new_email", EMAILS + [None, 1]), ("new_given_name", NAMES), ("new_surname", NAMES),
                            ("new_external_id", ["", "x" * 64, "x" * 65, None]), ("new_persistent_id", ["", None, 1]),
                            ("new_is_directory_restricted", BOOLEANS), ("nothing", [None])]:
            vary({"user": user}, key, values)
    elif kind == "members/set_admin_permissions_v2":
        vary({}, "user", SELECTORS)
        vary({"user": user}, "new_roles", [[], None, ["pid_dbtmr:x"], ["x"], ["pid_dbtmr:x"] * 2, "x"])
    elif kind in ("members/suspend", "members/unsuspend", "members/remove", "members/recover"):
        vary({}, "user", SELECTORS)
        for key in ("wipe_data", "keep_account", "retain_team_shares", "permanently_delete_files"):
            vary({"user": user}, key, BOOLEANS)
        for key in ("transfer_dest_id", "transfer_admin_id"):
            vary({"user": user}, key, SELECTORS)
    elif kind == "members/send_welcome_email":
        found.extend(json.dumps(one) for one in SELECTORS)
    elif kind == "groups/get_info":
        found.extend(json.dumps(one) for one in [
            {".tag": "group_ids", "group_ids": []}, {".tag": "group_ids", "group_ids": ["x"]}, {".tag": "group_ids"},
            {".tag": "group_external_ids", "group_external_ids": ["x"]}, {".tag": "group_ids", "group_ids": "x"},
            {".tag": "group_ids", "group_ids": [1]}, {".tag": "group_ids", "group_ids": None}, "group_ids",
        ])
    elif kind == "groups/create":
        base = {"group_name": ""}
        vary({}, "group_name", ["", None, 1])
        vary(base, "add_creator_as_owner", BOOLEANS)
        vary(base, "group_external_id", ["", "x" * 300, None, 1])
        vary(base, "group_management_type", ["user_managed", {".tag": "company_managed"}, "other", "x", None, 1,
                                             {".tag": "company_managed", "company_managed": None},
                                             {".tag": "company_managed", "company_managed": 1}, {}])
    elif kind == "groups/update":
        vary({}, "group", GROUPS)
        for key, values in [("return_members", BOOLEANS), ("new_group_name", ["", None, 1]),
                            ("new_group_external_id", ["", None, 1]),
                            ("new_group_management_type", ["user_managed", "other", None])]:
            vary({"group": group}, key, values)
    elif kind == "groups/delete":
        found.extend(json.dumps(one) for one in GROUPS)
    elif kind == "groups/members/list":
        vary({}, "group", GROUPS)
        vary({"group": group}, "limit", LIMITS)
    elif kind == "groups/members/add":
        member = {"user": user, "access_type": "member"}
        vary({"members": []}, "group", GROUPS)
        vary({"group": group}, "members",
             [[], None, [member], [{**member, "access_type": {".tag": "owner"}}], [{**member, "access_type": "x"}],
              [{"user": user}], [{"access_type": "member"}], [{**member, "x": 1}], [user]])
        vary({"group": group, "members": [member]}, "return_members", BOOLEANS)
    elif kind == "groups/members/remove":
        vary({"users": []}, "group", GROUPS)
        vary({"group": group}, "users", [[one] for one in SELECTORS] + [[], None])
        vary({"group": group, "users": []}, "return_members", BOOLEANS)
    elif kind == "groups/members/set_access_type":
        base = {"group": group, "user": user, "access_type": "member"}
        vary(base, "group", GROUPS)
        vary(base, "user", SELECTORS)
        vary(base, "access_type", ["owner", "other", None, {".tag": "member"}, {".tag": "member", "x": 1}])
        vary(base, "return_members", BOOLEANS)
    return anything + found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--simulator", help="path of the binary, which is started and stopped")
    which.add_argument("--url", help="base URL of a fresh one with --members 25 --groups 2 --licenses 60")
    options = parser.parse_args()
    if options.url:
        return Check(options.url.rstrip("/")).run()
    simulator = Simulator(options.simulator)
    try:
        return Check(simulator.url).run()
    finally:
        simulator.stop()


if __name__ == "__main__":
    sys.exit(main())
