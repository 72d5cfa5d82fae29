"""A light step as Python users write it: connect, read the model's pointer, print JSON.

`step.py URI MODEL`.
"""

import json
import sys

from pymongo import MongoClient

champion = MongoClient(sys.argv[1]).get_default_database().champions.find_one({"_id": sys.argv[2]})
print(json.dumps({"model_id": champion["model_id"]}))
