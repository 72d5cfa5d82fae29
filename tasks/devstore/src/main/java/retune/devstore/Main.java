package retune.devstore;

import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;

/** {@code ./retune store}: the embedded store in the foreground, until SIGTERM or SIGINT. */
public final class Main {
  private static final int FAILED = 1;
  private static final int CANNOT_START = 50;

  private static final String HELP =
      """
      Usage: ./retune store [--host ADDRESS] [--port PORT] [--data FOLDER] [--fsync]
                            [--accept-loss]
             ./retune store --check [--data FOLDER]

      Serves MongoDB's protocol until Ctrl-C or SIGTERM, and prints its address on standard output
      when it is ready. An acknowledged write survives the death of the process.

        --host ADDRESS  address to listen on (default 127.0.0.1). The store has no users: use
                        0.0.0.0 only in a container or behind a firewall.
        --port PORT     port to listen on, 0 for any free one (default 27018)
        --data FOLDER   data folder, created if missing (default .retune/store). Only its owner may
                        read it.
        --fsync         wait for the disk at every write: survives a power cut too, but is slower
        --accept-loss   start although the data file has lost documents, and say which
        --check         read the whole data file of a stopped store, print the number of documents
                        in each collection, and exit: 0 if the file is whole, 50 if not
        --help          print this page

      Exit codes: 1 the data file can no longer be written, for example because the disk is full;
      50 wrong flag, port or folder in use, or documents lost; 130 Ctrl-C; 143 SIGTERM.
      """;

  /** What the command line asks for. */
  private record Options(EmbeddedStore.Settings settings, boolean check, boolean help) {
    static Options parse(String[] arguments) {
      String host = EmbeddedStore.LOOPBACK;
      int port = 27018;
      Path folder = Path.of(".retune", "store");
      boolean fsync = false;
      boolean acceptLoss = false;
      boolean check = false;
      boolean help = false;
      for (int i = 0; i < arguments.length; i++) {
        switch (arguments[i]) {
          case "--host" -> host = value(arguments, ++i);
          case "--port" -> port = port(value(arguments, ++i));
          case "--data" -> folder = Path.of(value(arguments, ++i));
          case "--fsync" -> fsync = true;
          case "--accept-loss" -> acceptLoss = true;
          case "--check" -> check = true;
          case "--help", "-h" -> help = true;
          default ->
              throw new IllegalArgumentException(
                  "There is no flag '" + arguments[i] + "'; see ./retune store --help.");
        }
      }
      return new Options(
          new EmbeddedStore.Settings(folder, host, port, fsync, acceptLoss), check, help);
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
      if (options.check()) {
        check(options.settings().folder());
        return;
      }
      store = EmbeddedStore.start(options.settings());
    } catch (IllegalArgumentException | EmbeddedStore.CannotStartException e) {
      System.err.println(e.getMessage());
      System.exit(CANNOT_START);
      return;
    }
    // Nobody is answered by a store that cannot write; a supervisor sees that it ended.
    store.onFailure(Main::halt);
    // The JVM exits with 128 + signal by itself, after this.
    Runtime.getRuntime().addShutdownHook(new Thread(store::close, "close-store"));
    store.loss().ifPresent(System.err::println);
    System.out.println(store.uri());
    new CountDownLatch(1).await();
  }

  private static void check(Path folder) {
    DataCheck found = DataFile.check(folder);
    found
        .documents()
        .forEach((name, count) -> System.out.printf(Locale.ROOT, "%,12d  %s%n", count, name));
  }

  private static void halt(String reason) {
    System.err.println(reason);
    Runtime.getRuntime().halt(FAILED);
  }
}
