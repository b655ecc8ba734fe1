"""What Microsoft's `azure-devops` for Python lists at the address given; the token is on stdin."""

import json
import sys

from azure.devops.connection import Connection
from msrest.authentication import BasicAuthentication


def main() -> None:
    connection = Connection(sys.argv[1], creds=BasicAuthentication("", sys.stdin.read()))
    clients, area = connection.clients, connection.clients_v7_1
    repositories = clients.get_git_client().get_repositories()
    items = clients.get_work_item_tracking_client().get_work_items(sys.argv[2].split(","))
    who = area.get_identity_client().read_identities(
        search_filter="General", filter_value=sys.argv[3]
    )
    found = {
        "projects": [one.name for one in clients.get_core_client().get_projects()],
        "repositories": [one.name for one in repositories],
        "clone": repositories[0].remote_url,
        "work items": [[one.id, one.fields["System.Title"]] for one in items],
        "identities": [one.provider_display_name for one in who],
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
