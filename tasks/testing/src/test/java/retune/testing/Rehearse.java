package retune.testing;

import com.google.auto.service.AutoService;
import java.time.LocalDate;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.runtime.About;
import retune.runtime.Field;
import retune.runtime.NotReadyException;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.TextPage;
import retune.runtime.YesOrNo;

/** A step with every kind of input, which ends as it is asked to. */
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
@About(
    value = "Ends as it is asked to. It has every kind of input.",
    pipeline = Pipeline.AUTHORING,
    example = "--model credit-default --ending well")
public final class Rehearse implements Step<Rehearse.Input, Rehearse.Output> {
  private static final System.Logger LOG = System.getLogger(Rehearse.class.getName());

  /** How the step ends. */
  public enum Ending {
    WELL,
    INVALID_INPUT,
    NOT_READY,
    UNEXPECTED,
    OUT_OF_MEMORY,
    NEVER
  }

  public record Input(
      @Field("name of the model") String model,
      @Field(value = "how to end", byDefault = "well") Ending ending,
      @Field(value = "least value", byDefault = "0.75", min = 0, max = 1) double threshold,
      @Field(value = "number of rows", byDefault = "10000", min = 1) int rows,
      @Field(value = "seed", byDefault = "0") long seed,
      @Field(value = "whether to be loud", byDefault = "false") boolean loud,
      @Field("logical date") @Nullable LocalDate logicalDate,
      @Field("columns to leave out") List<String> exclude) {}

  public record Output(
      @Field("name of the model") String model,
      @Field("least value") double threshold,
      @Field("number of rows") int rows,
      @Field("whether it was loud") boolean loud,
      @Field("logical date") @Nullable LocalDate logicalDate,
      @Field("columns left out") List<String> exclude)
      implements Page, YesOrNo {
    @Override
    public boolean yes() {
      return loud;
    }

    @Override
    public String text() {
      return new TextPage().heading("A rehearsal").line("model", model).toString();
    }
  }

  @Override
  public Output run(Input input, StepContext context) throws InterruptedException {
    System.out.println("a library's chatter");
    LOG.log(System.Logger.Level.INFO, "connecting to " + context.settings().mongoUri());
    context.progress("rehearsing", 1, 1);
    switch (input.ending) {
      case WELL -> {}
      case INVALID_INPUT -> throw new InvalidInputException("The batch is absent; make it first.");
      case NOT_READY -> throw new NotReadyException("The store does not answer; start it.");
      case UNEXPECTED -> throw new IllegalStateException("at " + context.settings().mongoUri());
      case OUT_OF_MEMORY ->
          CompletableFuture.supplyAsync(() -> new long[Integer.MAX_VALUE].length).join();
      case NEVER -> Thread.sleep(60_000);
    }
    return new Output(
        input.model, input.threshold, input.rows, input.loud, input.logicalDate, input.exclude);
  }
}
