package retune.bench;

import com.google.auto.service.AutoService;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import retune.core.split.Part;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.judgement.OrdinaryRows;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.steps.comparison.EvaluationReport;

@About(
    value =
        "Evaluates a candidate and its champion on the hold-out and judges the candidate, as"
            + " evaluate_finetuned_model does. Measures CPU and wall seconds, JIT compiler and"
            + " garbage collector included, of the evaluation (from the start of the process) and"
            + " of what the judgement adds.",
    pipeline = Pipeline.EVALUATION,
    work = Work.MODEL,
    example =
        "--model-id credit-default-ba9876543210 --champion-id credit-default-0123456789ab"
            + " --data-path credit-default/2026-11-05")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class JudgementWorker implements Step<JudgementWorker.Input, JudgementWorker.Output> {

  public record Input(
      @Field("the candidate") String modelId,
      @Field("the version in production") String championId,
      @Field("the processed batch, as model/date") String dataPath) {}

  public record Output(
      @Field("rows of the hold-out") int rows,
      @Field("CPU seconds of the evaluation") double evaluation,
      @Field("wall seconds of the evaluation") double evaluationWall,
      @Field("CPU seconds of the checks and the kept predictions") double checks,
      @Field("wall seconds of the checks and the kept predictions") double checksWall,
      @Field("CPU seconds of the report") double report,
      @Field("wall seconds of the report") double reportWall) {}

  @Override
  public Output run(Input input, StepContext context) throws IOException {
    Batch batch = Batch.load(context, input.dataPath());
    Judgement before = Judgement.ofChampion(context, batch.description());
    DataSplit split = DataSplit.find(context, batch, null);
    split.verify(batch);
    int[] rows = split.split().rows(Part.HOLDOUT);
    MeasuredVersion candidate =
        MeasuredVersion.ofSome(context, input.modelId(), batch, rows, split.id());
    MeasuredVersion champion =
        MeasuredVersion.ofSome(context, input.championId(), batch, rows, split.id());
    Mark evaluated = Mark.now();
    double alpha = before.key().rules().alphaOfAttempt(false);
    Judgement judgement =
        Judgement.ofCandidate(
            context,
            1,
            candidate,
            champion,
            batch,
            "bench",
            OrdinaryRows.before(context, batch.description(), input.championId()),
            other -> MeasuredVersion.ofSome(context, other, batch, rows, split.id()),
            alpha,
            before.key(),
            null);
    judgement.keep(context, batch.description());
    Mark judged = Mark.now();
    EvaluationReport.keep(context, judgement, batch, candidate, champion, alpha);
    Mark reported = Mark.now();
    return new Output(
        rows.length,
        evaluated.cpu(),
        evaluated.wall(),
        judged.cpu() - evaluated.cpu(),
        judged.wall() - evaluated.wall(),
        reported.cpu() - judged.cpu(),
        reported.wall() - judged.wall());
  }

  /**
   * Seconds since the start of this process.
   *
   * @param cpu of all its threads
   */
  private record Mark(double cpu, double wall) {
    private static final double TICKS_A_SECOND = 100;

    /** Reads Linux's own counters: Java's would load a hundred classes first. */
    static Mark now() throws IOException {
      String stat = Files.readString(Path.of("/proc/self/stat"));
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      double ticks = Double.parseDouble(fields[11]) + Double.parseDouble(fields[12]);
      Instant start = ProcessHandle.current().info().startInstant().orElseThrow();
      return new Mark(
          ticks / TICKS_A_SECOND, Duration.between(start, Instant.now()).toNanos() / 1e9);
    }
  }
}
