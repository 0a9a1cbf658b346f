"""Serves a Keystone on loopback for tests, over HTTP and over HTTPS, until its standard input ends; then it removes its folder.

Arguments: the folder, the port of HTTP and the port of HTTPS (0: any that is free). The folder holds keystone.conf, the keys of Keystone and the
certificate and key of the server; the database is made in it if there is none. When requests are being answered, one line of JSON on standard
output tells the ports.
"""
import json
import os
import shutil
import sqlite3
import sys
import threading
import uuid
import warnings

warnings.simplefilter("ignore")
folder, ports = sys.argv[1], [int(p) for p in sys.argv[2:4]]
sys.argv = ["keystone"]  # oslo.config would read the arguments as its own

import keystone.server  # noqa: E402
from keystone.cmd import bootstrap  # noqa: E402
from keystone.common.sql import upgrades  # noqa: E402
from keystone.server.flask import core  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402

settings = os.path.join(folder, "keystone.conf")


class Silent(WSGIRequestHandler):
    """Keeps connections open, as the servers do that Keystone is usually run by, and does not log requests."""

    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


def make_database():
    keystone.server.configure(config_files=[settings])
    upgrades.offline_sync_database_to_version()
    seed = bootstrap.Bootstrapper()
    seed.admin_username, seed.admin_password, seed.project_name, seed.admin_role_name = "admin", "admin-secret", "admin", "admin"
    seed.region_id, seed.service_name = "RegionOne", "keystone"
    seed.bootstrap()
    # What follows could be asked of the running server, but takes it two seconds.
    ask = bootstrap.PROVIDERS
    project = uuid.uuid4().hex
    ask.resource_api.create_project(project, {"id": project, "name": "service", "domain_id": "default", "enabled": True})
    made = {"project": project}
    for name, role in (("drydock", seed.admin_role_id), ("deckhand", seed.admin_role_id), ("reader", seed.reader_role_id)):
        user = {"name": name, "password": name + "-secret", "domain_id": "default", "enabled": True}
        made[name] = ask.identity_api.create_user(user)["id"]
        ask.assignment_api.add_role_to_user_and_project(made[name], project, role)
    with open(os.path.join(folder, "made.json"), "w") as file:
        json.dump(made, file)
    with sqlite3.connect(os.path.join(folder, "keystone.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")  # kept in the file: one who reads does not stop one who writes


def in_child(work):
    """Keystone can be set up only once in a process, and is set up differently for this."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit("the database could not be made")


def serve(port, tls):
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Silent, ssl_context=tls)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


if not os.path.exists(os.path.join(folder, "keystone.db")):
    in_child(make_database)
app = core.initialize_application("public", config_files=[settings])
certificate = os.path.join(folder, "server.crt"), os.path.join(folder, "server.key")
print(json.dumps([serve(ports[0], None), serve(ports[1], certificate)]), flush=True)
sys.stdin.read()
shutil.rmtree(folder, ignore_errors=True)
os._exit(0)
