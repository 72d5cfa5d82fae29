"""Mark versions of a store as retired, as if each had been in production. `retire.py URI ID …`."""

import json
import sys

from pymongo import MongoClient

versions = MongoClient(sys.argv[1]).get_default_database().model_metadata
retired = versions.update_many({"_id": {"$in": sys.argv[2:]}}, {"$set": {"status": "retired"}})
print(json.dumps({"retired": retired.modified_count}))
