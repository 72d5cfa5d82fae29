package retune.runtime.store;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import retune.devstore.EmbeddedStore;

class EmbeddedStoreKilledWriterTest extends KilledWriterContract {
  private static EmbeddedStore embedded;

  @BeforeAll
  static void start() {
    embedded = EmbeddedStore.inMemory();
  }

  @AfterAll
  static void stop() {
    embedded.close();
  }

  @Override
  String server() {
    return embedded.uri();
  }
}
