package retune.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.Settings.LogForm;
import retune.runtime.store.DocumentStore;
import retune.runtime.store.Lease;
import retune.runtime.store.LeaseKeeper;

/** Runs one step; only this class writes results and errors and decides the exit code. */
final class Runner {
  private static final Logger LOG = System.getLogger(Runner.class.getName());
  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss").withZone(ZoneOffset.UTC);

  private final Settings settings;
  private final Clock clock;
  private final InputStream in;
  private final PrintStream out;
  private final PrintStream err;

  /** Guards the result: only the first of completion and SIGTERM writes it. */
  private final AtomicBoolean told = new AtomicBoolean(true);

  /** Ends a step that runs until it is stopped; null for every other step. */
  private volatile @Nullable Runnable stop;

  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile Consumer<String> result;
  private volatile Redactor redactor = new Redactor(new Settings(Map.of()));

  Runner(Settings settings, Clock clock, InputStream in, PrintStream out, PrintStream err) {
    this.settings = settings;
    this.clock = clock;
    this.in = in;
    this.out = out;
    this.err = err;
    this.result = this::print;
  }

  ExitCode run(List<String> words) {
    String name = words.isEmpty() ? "--help" : words.getFirst();
    return switch (name) {
      case "--help", "-h", "help" -> say(ManualPage.ofProgram(StepDefinition.all()));
      case "--version" -> say(version());
      default -> {
        told.set(false);
        yield attempt(name, words.subList(1, words.size()));
      }
    };
  }

  /**
   * Runs when the JVM shuts down; writes the error result of a step that was stopped by a signal.
   */
  void stopped() {
    Runnable end = stop;
    if (end != null && !told.get()) {
      end.run();
      waitForEnd();
    }
    if (told.compareAndSet(false, true)) {
      LOG.log(Level.WARNING, "Stopped by a signal. No write is half-done; run the step again.");
      result.accept(errorJson("stopped", "The step was stopped by a signal.", true));
    }
  }

  private void waitForEnd() {
    try {
      ended.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private ExitCode attempt(String name, List<String> flags) {
    try {
      Logs.StepIdentity provisional =
          new Logs.StepIdentity(name, identity(name, 1), settings.trace());
      Logs.configure(LogForm.JSON, provisional, redactor, err);
      Logs.configure(settings.logForm(), provisional, redactor, err);
      boolean asksForHelp = flags.contains("--help") || flags.contains("-h");
      Optional<Consumer<String>> file =
          asksForHelp ? Optional.empty() : ResultFile.open(CommandLine.xcom(flags), settings);
      file.ifPresent(writer -> result = writer);
      StepDefinition step =
          StepDefinition.find(name)
              .orElseThrow(
                  () ->
                      new InvalidInputException(
                          "There is no step '%s'.%s See ./retune --help."
                              .formatted(name, Names.didYouMean(name, StepDefinition.names()))));
      if (asksForHelp) {
        told.set(true);
        return say(ManualPage.ofStep(step));
      }
      redactor = new Redactor(settings);
      RunIdentity run = identity(step.name(), settings.tryNumber());
      Logs.configure(
          settings.logForm(),
          new Logs.StepIdentity(step.name(), run, settings.trace()),
          redactor,
          err);
      InputReader reader = new InputReader(step.name(), step.input());
      CommandLine commandLine = CommandLine.parse(flags, reader);
      ResultFormat format = commandLine.format().orElseGet(settings::resultFormat);
      Record input = reader.read(json(commandLine), commandLine.inputs());
      boolean decides = YesOrNo.class.isAssignableFrom(step.output());
      if (commandLine.exitCode() && !decides) {
        throw new InvalidInputException(
            "%s does not decide anything; leave out --exit-code.".formatted(step.name()));
      }
      Object output = execute(step, input, run);
      boolean asPage = format == ResultFormat.TEXT && file.isEmpty();
      boolean isNo = output instanceof YesOrNo answer && !answer.yes();
      return end(
          commandLine.exitCode() && isNo ? ExitCode.NO : ExitCode.DONE,
          asPage && output instanceof Page page
              ? page.text().stripTrailing()
              : Json.MAPPER.writeValueAsString(output));
    } catch (InvalidInputException | NotReadyException e) {
      return fail(e);
    } catch (InvalidPathException e) {
      return fail(noPath(e));
    } catch (RuntimeException e) {
      return fail(DocumentStore.explain(e));
    } catch (Exception | Error e) {
      return fail(e);
    }
  }

  private ExitCode fail(Throwable cause) {
    return switch (cause) {
      case InvalidInputException invalid -> {
        LOG.log(Level.ERROR, invalid.getMessage());
        yield fail(ExitCode.INVALID, "invalid_input", invalid);
      }
      case NotReadyException notReady -> {
        LOG.log(Level.WARNING, notReady.getMessage());
        yield fail(ExitCode.NOT_READY, "not_ready", notReady);
      }
      case Throwable exhausted when isOutOfMemory(exhausted) -> {
        String message =
            "The step ran out of memory (heap limit %d MB). Give its container more memory, or process fewer rows."
                .formatted(Runtime.getRuntime().maxMemory() >> 20);
        LOG.log(Level.ERROR, message);
        yield end(ExitCode.UNEXPECTED, errorJson("out_of_memory", message, true));
      }
      default -> {
        LOG.log(Level.ERROR, "The step failed unexpectedly: " + cause, cause);
        yield fail(ExitCode.UNEXPECTED, "unexpected", cause);
      }
    };
  }

  private static InvalidInputException noPath(InvalidPathException e) {
    return new InvalidInputException(
        "'%s' is not a path here: this process does not run in a UTF-8 locale, or the path has a control character. Set LC_ALL=C.UTF-8, or correct the path."
            .formatted(e.getInput()),
        e);
  }

  /** Whether memory ran out on this thread or on one that it waited for. */
  private static boolean isOutOfMemory(@Nullable Throwable failure) {
    return failure instanceof OutOfMemoryError
        || (failure != null && isOutOfMemory(failure.getCause()));
  }

  private Object execute(StepDefinition step, Record input, RunIdentity run) throws Exception {
    try (Context context = new Context(run);
        LeaseKeeper _ = lease(context)) {
      return step.run(input, context);
    }
  }

  /**
   * Extends the lease of the run that a control service started, so that no other service starts
   * one beside it where the first has died; null for a step of no such run.
   */
  private @Nullable LeaseKeeper lease(Context context) {
    Optional<String> lease = settings.find("RETUNE_RUN_LEASE");
    if (lease.isEmpty()) {
      return null;
    }
    int space = lease.get().indexOf(' ');
    if (space < 0) {
      throw new InvalidInputException(
          "RETUNE_RUN_LEASE is '%s'; leave it to ./retune control, which sets it to a model and the run that holds its lease."
              .formatted(lease.get()));
    }
    String model = lease.get().substring(0, space);
    String holder = lease.get().substring(space + 1);
    return LeaseKeeper.start(() -> Lease.toRun(context.store(), model), holder, clock);
  }

  private ExitCode fail(ExitCode code, String id, Throwable cause) {
    String message = Objects.requireNonNullElse(cause.getMessage(), cause.toString());
    return end(code, errorJson(id, message, code.isRetryable()));
  }

  private ExitCode end(ExitCode code, String json) {
    if (told.compareAndSet(false, true)) {
      result.accept(json);
    }
    ended.countDown();
    return code;
  }

  private String errorJson(String code, String message, boolean retryable) {
    return Json.MAPPER.writeValueAsString(
        Map.of("error", new StepError(code, redactor.redact(message), retryable)));
  }

  /** The {@code error} of a failed step's JSON. */
  record StepError(String code, String message, boolean retryable) {}

  private String json(CommandLine commandLine) throws IOException {
    String given = commandLine.json().orElse("{}");
    if (given.equals("-")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    if (!given.startsWith("@")) {
      return given;
    }
    Path file = Path.of(given.substring(1));
    if (!Files.isReadable(file)) {
      throw new InvalidInputException(
          "The file '%s' given with --input cannot be read; check that it exists and is readable."
              .formatted(file));
    }
    return Files.readString(file);
  }

  private RunIdentity identity(String step, int tryNumber) {
    String byHand = "manual-" + STAMP.format(clock.instant());
    return new RunIdentity(
        settings.find("RETUNE_DAG_ID").orElse("manual"),
        settings.find("RETUNE_RUN_ID").orElse(byHand),
        settings.find("RETUNE_TASK_ID").orElse(step),
        tryNumber);
  }

  private ExitCode say(String text) {
    print(text.stripTrailing());
    return ExitCode.DONE;
  }

  private void print(String text) {
    out.println(text);
    out.flush();
  }

  private static String version() {
    String version = Main.class.getPackage().getImplementationVersion();
    return "retune " + Objects.requireNonNullElse(version, "(not packaged)");
  }

  /** The context of the running step; connects to the store on first use. */
  private final class Context implements StepContext, AutoCloseable {
    private final RunIdentity run;
    private final Progress progress =
        new Progress(settings.logForm() == LogForm.TERMINAL, err, System::nanoTime);
    private @Nullable DocumentStore store;

    Context(RunIdentity run) {
      this.run = run;
    }

    @Override
    public RunIdentity run() {
      return run;
    }

    @Override
    public Clock clock() {
      return clock;
    }

    @Override
    public Settings settings() {
      return settings;
    }

    @Override
    public synchronized DocumentStore store() {
      if (store == null) {
        store = DocumentStore.open(settings.mongoUri(), settings.storeWait(), clock);
      }
      return store;
    }

    @Override
    public void progress(String what, long done, long total) {
      progress.show(what, done, total);
    }

    @Override
    public void onStop(Runnable end) {
      stop = end;
    }

    @Override
    public synchronized void close() {
      if (store != null) {
        store.close();
      }
    }
  }
}
