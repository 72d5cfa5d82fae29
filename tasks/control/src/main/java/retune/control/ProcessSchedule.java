package retune.control;

import com.mongodb.client.MongoCollection;
import com.mongodb.client.model.Filters;
import com.mongodb.client.model.UpdateOptions;
import com.mongodb.client.model.Updates;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.bson.Document;
import org.bson.conversions.Bson;
import org.jspecify.annotations.Nullable;
import retune.control.LoopRuntime.Job;
import retune.control.LoopRuntime.LastRun;
import retune.control.ProcessLoops.Ended;
import retune.core.triggers.Calendar;
import retune.core.triggers.Trigger;
import retune.runtime.ExitCode;
import retune.runtime.Json;
import retune.runtime.StepContext;
import retune.runtime.http.Refusal;
import retune.runtime.store.Lease;

/**
 * The schedules of loops without Airflow. The collection {@code schedules} keeps for each model
 * whether its schedule is on, and up to which time each of its jobs is done: a service that starts
 * again makes up missed days, and of other jobs the last missed time, and runs again what it did
 * not see end. Of several services on one store a lease lets one keep the schedule.
 */
final class ProcessSchedule implements AutoCloseable {
  private static final Logger LOG = System.getLogger(ProcessSchedule.class.getName());
  private static final String ON = "on";
  private static final Duration BETWEEN_LOOKS = Duration.ofSeconds(5);
  private static final Duration LEASE = Duration.ofMinutes(2);

  /** The days that were passed over because they failed and may succeed later, by their end. */
  private static final String LATE = "late";

  /** How long a job waits that failed and may succeed later. */
  private static final Duration BEFORE_RETRY = Duration.ofMinutes(15);

  /** The same, of a day after which another has ended. */
  private static final Duration BEFORE_RETRY_OF_LATE = Duration.ofHours(1);

  /** The last days that run; those before them are given up. */
  private static final int DAYS = 7;

  /** What runs by itself; the first that is due runs first. */
  private enum Kind {
    DAY(
        "daily_loop",
        "Runs the day that has just ended, and weighs a challenger that has traffic",
        Calendar.DAILY),
    WEEKLY("weekly_retrain", "Retrains every week", Calendar.WEEKLY),
    MONTHLY("monthly_retrain", "Retrains every month", Calendar.MONTHLY),
    CHECK("adaptive_retrain", "Checks the other triggers of a retraining", Calendar.SIX_HOURS);

    private final String id;
    private final String what;
    private final Calendar calendar;

    Kind(String id, String what, Calendar calendar) {
      this.id = id;
      this.what = what;
      this.calendar = calendar;
    }

    /**
     * Whether a loop has it.
     *
     * @param triggers of its retrainings
     */
    private boolean isOf(List<String> triggers) {
      return switch (this) {
        case DAY -> true;
        case WEEKLY -> triggers.contains(Trigger.WEEKLY.id());
        case MONTHLY -> triggers.contains(Trigger.MONTHLY.id());
        case CHECK ->
            triggers.stream()
                .anyMatch(
                    trigger ->
                        !trigger.equals(Trigger.WEEKLY.id())
                            && !trigger.equals(Trigger.MONTHLY.id()));
      };
    }
  }

  private final StepContext context;
  private final ProcessLoops loops;
  private final String owner = UUID.randomUUID().toString();

  /** A job of a model for a time. */
  private record Of(String model, Kind kind, Instant due) {}

  /** When a job that failed runs again at the earliest. */
  private final Map<Of, Instant> retries = new ConcurrentHashMap<>();

  private volatile boolean isClosed;
  private final Thread clockwork =
      Thread.ofPlatform().daemon().name("schedule").unstarted(this::lookAgainAndAgain);

  ProcessSchedule(StepContext context, ProcessLoops loops) {
    this.context = context;
    this.loops = loops;
  }

  /** Begins to look what is due, again and again. */
  void start() {
    clockwork.start();
  }

  private void lookAgainAndAgain() {
    try {
      while (!isClosed) {
        Thread.sleep(BETWEEN_LOOKS);
        look();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Turns a model's schedule on or off; what runs goes on to its end.
   *
   * @throws Refusal 409 if the model has no loop file that can run
   */
  void turn(Changes.Request request, boolean on) throws InterruptedException {
    String model = request.model();
    Instant now = context.clock().instant();
    if (on) {
      requireLoop(request, now);
    }
    Document kept = schedules().find(Filters.eq(model)).first();
    if (kept == null ? !on : kept.getBoolean(ON) == on) {
      return;
    }
    Document change =
        new Document(ON, on).append("by", request.by()).append("changed_at", Times.text(now));
    if (on) {
      Document done = new Document();
      Stream.of(Kind.values()).forEach(kind -> done.append(kind.id, now.toString()));
      change.append("done", done).append(LATE, List.of());
    }
    schedules()
        .updateOne(
            Filters.eq(model), new Document("$set", change), new UpdateOptions().upsert(true));
  }

  private void requireLoop(Changes.Request request, Instant now) throws InterruptedException {
    Map<String, ?> inputs =
        Map.of("name", request.model(), "date", dayBefore(now).toString(), "plan", true);
    Ended plan = loops.waitFor(request, "run_loop", inputs);
    if (!plan.isSuccess()) {
      throw new Refusal(
          409, "The loop of %s cannot run: %s".formatted(request.model(), plan.sentence()));
    }
  }

  /** The jobs of a model; none if its schedule was never turned on. */
  List<Job> jobs(String model) {
    Document schedule = schedules().find(Filters.eq(model)).first();
    if (schedule == null) {
      return List.of();
    }
    boolean on = schedule.getBoolean(ON);
    Instant now = context.clock().instant();
    List<Job> jobs = new ArrayList<>();
    for (Kind kind : kinds(model)) {
      jobs.add(
          new Job(
              kind.id,
              kind.what,
              on ? kind.calendar.next(now).toString() : null,
              kind.calendar.words(),
              !on,
              true,
              lastRun(schedule, kind)));
    }
    return jobs;
  }

  private static @Nullable LastRun lastRun(Document schedule, Kind kind) {
    Document last = schedule.get("last", new Document()).get(kind.id, Document.class);
    if (last == null) {
      return null;
    }
    boolean areTried = kind == Kind.DAY && schedule.getBoolean(ON, false);
    List<Instant> late = areTried ? late(schedule) : List.of();
    String waiting = late.isEmpty() ? "" : " (tried again each hour: %s)".formatted(days(late));
    return new LastRun(
        last.getString("ended_at"),
        last.getInteger("exit_code"),
        last.getString("message") + waiting);
  }

  private List<Kind> kinds(String model) {
    List<String> triggers = new Retrainings(context, model).triggers();
    return Stream.of(Kind.values()).filter(kind -> kind.isOf(triggers)).toList();
  }

  /** Starts what is due. */
  synchronized void look() {
    try {
      for (String model : scheduled()) {
        try {
          startWhatIsDue(model);
        } catch (RuntimeException | Error e) {
          LOG.log(
              Level.WARNING, "The schedule of " + model + " waits: " + e.getMessage(), trace(e));
        }
      }
    } catch (RuntimeException | Error e) {
      // The thread must not end: nobody would start it again.
      LOG.log(Level.WARNING, "The schedules wait: " + e.getMessage(), trace(e));
    }
  }

  /** Where it happened, of a fault of this service; others are told by their sentence. */
  private static @Nullable Throwable trace(Throwable failure) {
    return failure instanceof Error ? failure : null;
  }

  private List<String> scheduled() {
    return schedules()
        .find(Filters.eq(ON, true))
        .map(schedule -> schedule.getString("_id"))
        .into(new ArrayList<>());
  }

  private void startWhatIsDue(String model) {
    Instant now = context.clock().instant();
    boolean isElsewhere =
        Lease.toSchedule(context.store(), model).take(owner, now, LEASE).isPresent();
    if (isElsewhere || loops.isRunning(model)) {
      return;
    }
    // Read only now: what ran until a moment ago is done in it.
    Document schedule = schedules().find(Filters.eq(model)).first();
    if (schedule == null || !schedule.getBoolean(ON)) {
      return;
    }
    for (Kind kind : kinds(model)) {
      Optional<Instant> due =
          due(schedule, kind, now)
              .filter(time -> !now.isBefore(retries.getOrDefault(new Of(model, kind, time), now)))
              .findFirst();
      if (due.isPresent()) {
        start(model, kind, due.get());
        return;
      }
    }
  }

  /** The times of a job that are not done, in their order; days that are too long ago are ended. */
  private Stream<Instant> due(Document schedule, Kind kind, Instant now) {
    Instant last = kind.calendar.last(now);
    if (kind != Kind.DAY) {
      return Stream.of(last).filter(time -> time.isAfter(done(schedule, kind)));
    }
    Instant first = last.minus(Duration.ofDays(DAYS - 1));
    List<Instant> missed = missedDays(schedule, last);
    List<Instant> tooLate = missed.stream().filter(time -> time.isBefore(first)).toList();
    if (!tooLate.isEmpty()) {
      giveUp(schedule, tooLate, first);
    }
    return missed.stream().filter(time -> !time.isBefore(first));
  }

  private static Instant done(Document schedule, Kind kind) {
    return Instant.parse(schedule.get("done", Document.class).getString(kind.id));
  }

  private static List<Instant> late(Document schedule) {
    return schedule.getList(LATE, String.class, List.of()).stream().map(Instant::parse).toList();
  }

  /** The ends of the days up to one that are not done, in their order. */
  private static List<Instant> missedDays(Document schedule, Instant last) {
    Instant first = Kind.DAY.calendar.next(done(schedule, Kind.DAY));
    return Stream.concat(
            late(schedule).stream(),
            Stream.iterate(first, end -> !end.isAfter(last), Kind.DAY.calendar::next))
        .toList();
  }

  /**
   * Ends days that nobody waits for any more.
   *
   * @param first the end of the first day that still may run
   */
  private void giveUp(Document schedule, List<Instant> days, Instant first) {
    String model = schedule.getString("_id");
    LOG.log(
        Level.WARNING,
        "{0}: {1} days up to {2} did not run within {3} days, and are given up; ./retune run-loop"
            + " {0} --date DATE runs one.",
        model,
        days.size(),
        dayBefore(days.getLast()),
        DAYS);
    List<Instant> late = late(schedule).stream().filter(day -> !day.isBefore(first)).toList();
    Instant before = first.minus(Duration.ofDays(1));
    Instant done = done(schedule, Kind.DAY);
    schedules()
        .updateOne(
            Filters.eq(model),
            Updates.combine(
                Updates.set(LATE, texts(late)),
                Updates.set(
                    "done." + Kind.DAY.id, (done.isBefore(before) ? before : done).toString())));
  }

  private static List<String> texts(List<Instant> times) {
    return times.stream().map(Instant::toString).toList();
  }

  /** The days that ended at these times, for people. */
  private static String days(List<Instant> ends) {
    return ends.stream().map(end -> dayBefore(end).toString()).collect(Collectors.joining(", "));
  }

  private void start(String model, Kind kind, Instant due) {
    // The same time again is the same run, which takes up what an earlier try has done.
    String run =
        kind == Kind.DAY ? "run-loop__" + dayBefore(due) : "schedule__" + kind.id + "__" + due;
    Changes.Request request =
        new Changes.Request(run, model, "schedule", Json.MAPPER.createObjectNode());
    try {
      loops.inBackground(request, () -> run(request, kind, due));
    } catch (Refusal busy) {
      LOG.log(Level.DEBUG, "{0} waits: {1}", kind.id, busy.sentence());
    }
  }

  private Ended run(Changes.Request request, Kind kind, Instant due)
      throws IOException, InterruptedException {
    Ended ended = null;
    try {
      ended =
          kind == Kind.DAY
              ? loops.step(
                  request,
                  "run_loop",
                  Map.of("name", request.model(), "date", dayBefore(due).toString()))
              : loops.step(
                  request, "run_retraining", Map.of("name", request.model(), "request", "none"));
      return ended;
    } finally {
      keep(request.model(), kind, due, ended);
    }
  }

  /**
   * Keeps how a run ended.
   *
   * @param ended null if it did not start
   */
  private void keep(String model, Kind kind, Instant due, @Nullable Ended ended) {
    Document schedule = schedules().find(Filters.eq(model)).first();
    if (schedule == null) {
      return;
    }
    Instant now = context.clock().instant();
    Instant done = done(schedule, kind);
    int exitCode = ended == null ? ExitCode.UNEXPECTED.number() : ended.exitCode();
    boolean runsAgain = isRetryable(exitCode);
    List<Bson> changes = new ArrayList<>();
    // What a late day waits for must not hide how the days after it ended.
    if (!runsAgain || due.isAfter(done)) {
      changes.add(
          Updates.set(
              "last." + kind.id,
              new Document("ended_at", Times.text(now))
                  .append("exit_code", exitCode)
                  .append("message", ended == null ? "it did not start" : ended.sentence())));
    }
    retries.values().removeIf(time -> !time.isAfter(now));
    if (runsAgain) {
      boolean isLast = due.equals(kind.calendar.last(now));
      Duration wait = kind == Kind.DAY && !isLast ? BEFORE_RETRY_OF_LATE : BEFORE_RETRY;
      retries.put(new Of(model, kind, due), now.plus(wait));
    } else {
      changes.add(Updates.set("done." + kind.id, (due.isAfter(done) ? due : done).toString()));
      if (kind == Kind.DAY) {
        List<Instant> missed = new ArrayList<>(missedDays(schedule, due));
        missed.remove(due);
        changes.add(Updates.set(LATE, texts(missed)));
      }
    }
    if (!changes.isEmpty()) {
      schedules().updateOne(Filters.eq(model), Updates.combine(changes));
    }
  }

  /** An unknown exit code is that of a process which was killed. */
  private static boolean isRetryable(int exitCode) {
    return Stream.of(ExitCode.values())
        .filter(code -> code.number() == exitCode)
        .allMatch(ExitCode::isRetryable);
  }

  private static LocalDate dayBefore(Instant time) {
    return LocalDate.ofInstant(time, ZoneOffset.UTC).minusDays(1);
  }

  private MongoCollection<Document> schedules() {
    return context.store().collection("schedules");
  }

  @Override
  public void close() {
    isClosed = true;
    clockwork.interrupt();
    try {
      for (String model : scheduled()) {
        if (!loops.isRunning(model)) { // a run goes on; whoever comes next waits a while for it
          Lease.toSchedule(context.store(), model).release(owner);
        }
      }
    } catch (RuntimeException e) {
      LOG.log(Level.DEBUG, "The leases of schedules expire by themselves: {0}", e.getMessage());
    }
  }
}
