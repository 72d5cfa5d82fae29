package retune.loop.daily;

import com.google.auto.service.AutoService;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import retune.core.triggers.Request;
import retune.model.Champions;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.TextPage;
import tools.jackson.databind.node.ObjectNode;

@About(
    value =
        "Trains a loop's model again without Airflow, if its triggers or the request say so: the"
            + " steps of model_retraining, and the deployment of a version that is promoted, with"
            + " the inputs from the loop file.",
    pipeline = Pipeline.AUTHORING,
    work = Work.TRAINING,
    example = "credit-default --request forced")
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class RunRetraining implements Step<RunRetraining.Input, RunRetraining.Output> {
  public record Input(
      @Field(value = "the loop's name in its loop file", positional = true) String name,
      @Field(
              "folder with loop files, instead of the project's airflow/dags/loops and the folders"
                  + " in RETUNE_LOOPS")
          @Nullable String loops,
      @Field(
              value =
                  "who asks: none or manual (the triggers decide), api (starts if there are new"
                      + " labelled rows) or forced (starts in any case)",
              byDefault = "manual")
          Request request) {}

  public record Output(
      @Field("the loop's name") String name,
      @Field("run id of the documents that the run wrote") String runId,
      @Field("deployed, rejected, or skipped if no retraining started") String status,
      @Field("what was decided and how it ended, as sentences") String message,
      @Field("the retraining's id; absent if none started") @Nullable String retrainingId,
      @Field("the version in production before") String championBefore,
      @Field("the version in production after") String championAfter,
      @Field("duration of each task that ran, in seconds") Map<String, Double> seconds)
      implements Page {
    @Override
    public String text() {
      return new TextPage()
          .heading("Retraining of " + name)
          .line("ended as", status)
          .line("what happened", message)
          .line("retraining", retrainingId)
          .line("in production", championAfter)
          .line("before", championBefore.equals(championAfter) ? null : championBefore)
          .line("run", runId)
          .toString();
    }
  }

  @Override
  public Output run(Input input, StepContext context) throws Exception {
    LoopSettings loop = LoopSettings.find(input.name(), RunLoop.folders(input.loops(), context));
    // A run keeps its decision, so that each call needs a run of its own.
    String runId =
        context
            .settings()
            .find("RETUNE_RUN_ID")
            .orElseGet(() -> "run-retraining__" + context.clock().instant());
    Champions champions = new Champions(context.store());
    String before = champions.get(loop.name()).modelId();
    Map<String, Double> seconds = new LinkedHashMap<>();
    ObjectNode results =
        RunLoop.runAll(Day.retraining(loop, input.request()), seconds, context, runId);
    return new Output(
        loop.name(),
        runId,
        results.path("log_retraining_event").path("status").asString("skipped"),
        Optional.ofNullable(RunLoop.retraining(results)).orElseThrow(),
        results.path("check_retraining_trigger").path("retraining_id").asString(null),
        before,
        champions.get(loop.name()).modelId(),
        seconds);
  }
}
