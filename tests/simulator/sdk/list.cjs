// What Microsoft's azure-devops-node-api lists at the address given; the token is on stdin.
const { readFileSync } = require("node:fs");
const { WebApi, getPersonalAccessTokenHandler } = require("azure-devops-node-api");

async function main() {
  const [address, ids, , proxyUrl] = process.argv.slice(2);
  const handler = getPersonalAccessTokenHandler(readFileSync(0, "utf-8"));
  const connection = new WebApi(address, handler, { proxy: { proxyUrl } });
  const repositories = await (await connection.getGitApi()).getRepositories();
  const tracking = await connection.getWorkItemTrackingApi();
  const items = await tracking.getWorkItems(ids.split(",").map(Number));
  const found = {
    projects: (await (await connection.getCoreApi()).getProjects()).map((one) => one.name),
    repositories: repositories.map((one) => one.name),
    clone: repositories[0].remoteUrl,
    "work items": items.map((one) => [one.id, one.fields["System.Title"]]),
    // It has no client of identities; it asks who it is itself.
    identities: [(await connection.connect()).authenticatedUser.providerDisplayName],
  };
  console.log(JSON.stringify(found));
}

main().catch((problem) => {
  console.error(problem);
  process.exitCode = 1;
});
