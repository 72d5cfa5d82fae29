package retune.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.time.Clock;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import retune.core.split.Part;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.judgement.OrdinaryRows;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.RunIdentity;
import retune.runtime.Settings;
import retune.runtime.StepContext;
import retune.runtime.store.DocumentStore;
import retune.steps.comparison.EvaluationReport;

/**
 * Evaluates a candidate and its champion on the hold-out and judges the candidate, as {@code
 * evaluate_finetuned_model} does, in a new process. Prints CPU and wall seconds, collector and
 * compiler included, of the evaluation (from the start of the process), and what the judgement
 * adds.
 */
public final class JudgementWorker {
  private static final OperatingSystemMXBean SYSTEM =
      ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);

  private JudgementWorker() {}

  private record Context(RunIdentity run, DocumentStore store) implements StepContext {
    @Override
    public Clock clock() {
      return Clock.systemUTC();
    }

    @Override
    public Settings settings() {
      return new Settings(Map.of());
    }

    @Override
    public void progress(String what, long done, long total) {}

    @Override
    public void onStop(Runnable stop) {}
  }

  /**
   * Measures once.
   *
   * @param words the store's address, the run that has judged the champion, the candidate's id, the
   *     champion's id, the batch as model/date
   */
  public static void main(String[] words) {
    DocumentStore store = DocumentStore.open(words[0], Duration.ofSeconds(30), Clock.systemUTC());
    StepContext context =
        new Context(new RunIdentity("model_evaluation_pipeline", words[1], "bench", 1), store);
    Batch batch = Batch.load(context, words[4]);
    Judgement before = Judgement.ofChampion(context, batch.description());
    DataSplit split = DataSplit.find(context, batch, null);
    split.verify(batch);
    int[] rows = split.split().rows(Part.HOLDOUT);
    MeasuredVersion candidate = MeasuredVersion.ofSome(context, words[2], batch, rows, split.id());
    MeasuredVersion champion = MeasuredVersion.ofSome(context, words[3], batch, rows, split.id());
    Mark evaluated = Mark.now();
    double alpha = before.key().rules().alphaOfAttempt();
    Judgement judgement =
        Judgement.ofCandidate(
            context,
            1,
            candidate,
            champion,
            batch,
            "bench",
            OrdinaryRows.before(context, batch.description(), words[3]),
            other -> MeasuredVersion.ofSome(context, other, batch, rows, split.id()),
            alpha,
            before.key());
    judgement.keep(context, batch.description());
    Mark judged = Mark.now();
    EvaluationReport.keep(context, judgement, batch, candidate, champion, alpha);
    Mark reported = Mark.now();
    store.close();
    System.out.printf(
        Locale.ROOT,
        "{\"rows\": %d, %s, %s, %s}%n",
        rows.length,
        evaluated.since("evaluation", started()),
        judged.since("checks", evaluated),
        reported.since("report", judged));
  }

  private static Mark started() {
    return new Mark(0, ManagementFactory.getRuntimeMXBean().getStartTime() / 1e3);
  }

  /**
   * A moment of this process.
   *
   * @param cpu seconds of all its threads
   * @param wall seconds since 1970
   */
  private record Mark(double cpu, double wall) {
    static Mark now() {
      return new Mark(SYSTEM.getProcessCpuTime() / 1e9, System.currentTimeMillis() / 1e3);
    }

    String since(String part, Mark before) {
      return String.format(
          Locale.ROOT,
          "\"%s\": %.6f, \"%s_wall\": %.6f",
          part,
          cpu - before.cpu,
          part,
          wall - before.wall);
    }
  }
}
