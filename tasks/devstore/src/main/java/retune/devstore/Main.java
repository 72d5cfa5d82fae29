package retune.devstore;

import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Level;
import java.util.logging.Logger;

/** {@code ./retune store}: the embedded store in the foreground, until SIGTERM or SIGINT. */
public final class Main {
  private static final int CANNOT_START = 50;

  /** Held here, since java.util.logging forgets the level of a logger that nobody holds. */
  private static final Logger SERVER_LOG = Logger.getLogger("de.bwaldvogel");

  private static final String HELP =
      """
      Usage: ./retune store [--host ADDRESS] [--port PORT] [--data FOLDER] [--fsync]

      Serves MongoDB's protocol until it is told to stop (Ctrl-C or SIGTERM) and
      prints its address on standard output as soon as it answers. An acknowledged write survives
      the death of the process.

        --host ADDRESS  address to listen on (default 127.0.0.1); the store knows no users, so give
                        0.0.0.0 only in a container or where a firewall keeps others out
        --port PORT     port to listen on, 0 for any free one (default 27018)
        --data FOLDER   where the data is kept, created if missing (default .retune/store)
        --fsync         wait for the disk at every write, to survive a power cut too: slower
        --help          this page

      Exit codes: 50 wrong flag, or port or folder in use; 143 stopped by SIGTERM; 130 by Ctrl-C.
      """;

  /** What the command line asks for. */
  private record Options(String host, int port, Path folder, boolean fsync, boolean help) {
    static Options parse(String[] arguments) {
      String host = EmbeddedStore.LOOPBACK;
      int port = 27018;
      Path folder = Path.of(".retune", "store");
      boolean fsync = false;
      boolean help = false;
      for (int i = 0; i < arguments.length; i++) {
        switch (arguments[i]) {
          case "--host" -> host = value(arguments, ++i);
          case "--port" -> port = port(value(arguments, ++i));
          case "--data" -> folder = Path.of(value(arguments, ++i));
          case "--fsync" -> fsync = true;
          case "--help", "-h" -> help = true;
          default ->
              throw new IllegalArgumentException(
                  "There is no flag '" + arguments[i] + "'; see ./retune store --help.");
        }
      }
      return new Options(host, port, folder, fsync, help);
    }

    private static String value(String[] arguments, int index) {
      if (index == arguments.length) {
        throw new IllegalArgumentException(
            arguments[index - 1] + " needs a value; see ./retune store --help.");
      }
      return arguments[index];
    }

    private static int port(String text) {
      if (!text.matches("\\d{1,5}") || Integer.parseInt(text) > 65_535) {
        throw new IllegalArgumentException(
            "--port is '" + text + "'; it must be a number from 0 to 65535.");
      }
      return Integer.parseInt(text);
    }
  }

  private Main() {}

  public static void main(String[] arguments) throws InterruptedException {
    EmbeddedStore store;
    try {
      Options options = Options.parse(arguments);
      if (options.help()) {
        System.out.print(HELP);
        return;
      }
      SERVER_LOG.setLevel(Level.SEVERE); // it tells of every collection and index it opens
      store =
          EmbeddedStore.start(options.folder(), options.host(), options.port(), options.fsync());
    } catch (IllegalArgumentException | EmbeddedStore.CannotStartException e) {
      System.err.println(e.getMessage());
      System.exit(CANNOT_START);
      return;
    }
    // The JVM leaves with 128 + signal by itself, after this.
    Runtime.getRuntime().addShutdownHook(new Thread(store::close, "close-store"));
    System.out.println(store.uri());
    new CountDownLatch(1).await();
  }
}
