package retune.testing;

import java.time.Duration;
import retune.devstore.EmbeddedStore;
import retune.runtime.store.DocumentStore;

/** An empty document store in memory, served by this process, and a connection to it. */
public final class TestStore implements AutoCloseable {
  private static final Duration WAIT = Duration.ofSeconds(10);

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore documents = DocumentStore.open(server.uri(), WAIT, TestContext.CLOCK);

  private TestStore() {}

  public static TestStore open() {
    return new TestStore();
  }

  /** The address for steps in processes of their own: {@code RETUNE_MONGO_URI}. */
  public String uri() {
    return server.uri();
  }

  public DocumentStore documents() {
    return documents;
  }

  /** The context of a step that works on this store. */
  public TestContext context() {
    return TestContext.of(documents);
  }

  @Override
  public void close() {
    documents.close();
    server.close();
  }
}
