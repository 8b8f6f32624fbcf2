// Without arguments: the packages in the folders that node searches. With "load": those of standard input that load.
const fs = require("fs"), path = require("path"), {spawnSync} = require("child_process");
if (process.argv[2] === "load") {
  for (const name of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    const child = spawnSync(process.execPath, ["-e", "require(process.argv[1])", name], {stdio: "ignore", timeout: 20000});
    if (child.status === 0) console.log(name);
  }
} else {
  for (const dir of ["/usr/share/nodejs", "/usr/lib/nodejs", "/srv/node_modules", "/app/node_modules"]) {
    if (!fs.existsSync(dir)) continue;
    for (const name of fs.readdirSync(dir)) {
      const packages = name.startsWith("@") ? fs.readdirSync(path.join(dir, name)).map((sub) => path.join(name, sub)) : [name];
      for (const pkg of packages) if (fs.existsSync(path.join(dir, pkg, "package.json"))) console.log(path.join(dir, pkg));
    }
  }
}
