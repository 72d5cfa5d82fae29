package retune.runtime.store;

import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/** The same on the server that {@code RETUNE_TEST_MONGO_URI} names. */
@EnabledIfEnvironmentVariable(named = "RETUNE_TEST_MONGO_URI", matches = "mongodb.*")
class NamedServerContractTest extends StoreContract {
  @Override
  String server() {
    return System.getenv("RETUNE_TEST_MONGO_URI");
  }
}
