"""Reads a signed provenance as others do: `statement.py BUNDLE KEY`. securesystemslib checks the envelope, in-toto-attestation the
statement and SLSA's predicate. Prints what it says."""

import json
import sys

from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

bundle, key = sys.argv[1:]
with open(bundle) as file:
    envelope = json.load(file)["dsseEnvelope"]
# The specification lets it be missing, and this reader does not.
for signature in envelope["signatures"]:
    signature["keyid"] = "key"
envelope = Envelope.from_dict(envelope)
with open(key, "rb") as file:
    public = SSlibKey.from_crypto(load_pem_public_key(file.read()), "key")
assert set(envelope.verify([public], 1)) == {"key"}
statement = Statement.copy_from_pb(json_format.Parse(envelope.payload, statement_pb2.Statement()))
statement.validate()
predicate = json_format.ParseDict(
    json_format.MessageToDict(statement.pb.predicate), provenance_pb2.Provenance()
)
print(envelope.payload_type)
print(statement.pb.predicate_type)
print(statement.pb.subject[0].digest["sha256"])
print(predicate.build_definition.build_type)
print(predicate.run_details.builder.id)
print(*sorted(predicate.build_definition.external_parameters))
print(*(it.uri or it.name for it in predicate.build_definition.resolved_dependencies))
