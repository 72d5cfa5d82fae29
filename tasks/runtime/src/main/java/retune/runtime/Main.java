package retune.runtime;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;

/** The entry point of every image and of {@code ./retune}; the first argument names the step. */
public final class Main {
  private Main() {}

  public static void main(String[] words) {
    PrintStream out = utf8(FileDescriptor.out);
    PrintStream err = utf8(FileDescriptor.err);
    // Standard output carries the JSON result only; what libraries print goes to standard error.
    System.setOut(err);
    Runner runner =
        new Runner(new Settings(System.getenv()), Clock.systemUTC(), System.in, out, err);
    Runtime.getRuntime().addShutdownHook(new Thread(runner::stopped));
    System.exit(runner.run(List.of(words)).number());
  }

  private static PrintStream utf8(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), false, StandardCharsets.UTF_8);
  }
}
