// Verifies a bundle with a key by Sigstore's own library: `node bundle.cjs BUNDLE KEY`, where the bundle has no transparency log.
// Prints `true`, or why it is refused.
const fs = require("node:fs");
const crypto = require("node:crypto");
const { bundleFromJSON } = require("@sigstore/bundle");
const { Verifier, toSignedEntity, toTrustMaterial } = require("@sigstore/verify");

const [bundleFile, keyFile] = process.argv.slice(2);
try {
  const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(bundleFile, "utf8")));
  const der = crypto.createPublicKey(fs.readFileSync(keyFile)).export({ type: "spki", format: "der" });
  const hint = crypto.createHash("sha256").update(der).digest("base64");
  const root = { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [] };
  const trust = toTrustMaterial(root, { [hint]: { rawBytes: der } });
  const thresholds = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
  new Verifier(trust, thresholds).verify(toSignedEntity(bundle));
  console.log("true");
} catch (error) {
  console.log(`${error.code ?? error.name}: ${error.message}`);
}
