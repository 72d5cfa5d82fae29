package retune.steps.evaluation;

import com.google.auto.service.AutoService;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import retune.core.judgement.LabelMaturity;
import retune.core.judgement.LabelMaturity.Labels;
import retune.judgement.DayLabels;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.store.LateLabels;
import retune.runtime.store.LateLabels.Arrival;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.RawBatches.RawBatch;

@About(
    value =
        "Lists the days whose late labels suffice for a verdict that does not rest on them yet:"
            + " labels have come or were corrected, or the day has reached its age. Changes"
            + " nothing.",
    pipeline = Pipeline.EVALUATION,
    example = "--model credit-default",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class FindMaturedDays implements Step<FindMaturedDays.Input, FindMaturedDays.Output> {
  private static final Logger LOGGER = System.getLogger(FindMaturedDays.class.getName());

  public record Input(
      @Field(value = "name of the model", format = Field.Format.MODEL_NAME) String model,
      @Field(
              value = "as of evaluate_model: least share of rows with a label",
              byDefault = EvaluateModel.MATURE_SHARE,
              min = 0,
              max = 1)
          double matureShare,
      @Field(
              value = "as of evaluate_model: least age of a day, unless every row has a label",
              byDefault = EvaluateModel.MATURE_DAYS,
              min = 0,
              max = 3650)
          int matureDays,
      @Field(
              value = "largest number of days to list, the oldest first",
              byDefault = "31",
              min = 1,
              max = 1000)
          int mostDays) {}

  /** A day whose labels do not suffice yet. */
  public record Waiting(
      @Field("the day") LocalDate logicalDate,
      @Field("share of its rows with a label, 0 to 1") double share,
      @Field("days since then, UTC") long ageDays) {}

  public record Output(
      @Field("the days to process and to judge again, the oldest first") List<LocalDate> days,
      @Field("days whose labels do not suffice yet, the oldest first") List<Waiting> waiting,
      @Field("what was found, as a sentence") String message) {}

  @Override
  public Output run(Input input, StepContext context) {
    LabelMaturity maturity = new LabelMaturity(input.matureShare(), input.matureDays());
    List<Arrival> arrivals = context.store().lateLabels().arrivals(input.model());
    List<LocalDate> due = new ArrayList<>();
    List<Waiting> waiting = new ArrayList<>();
    for (RawBatch day : context.store().rawBatches().keyed(input.model())) {
      String stamp = LateLabels.stamp(arrivals, day.logicalDate());
      labels(context, day, arrivals, stamp)
          .ifPresent(
              labels -> {
                if (DayLabels.isDue(context.store(), day, stamp, labels, maturity)) {
                  due.add(day.logicalDate());
                } else if (!maturity.isReachedBy(labels)) {
                  waiting.add(new Waiting(labels.date(), labels.share(), labels.ageDays()));
                }
              });
    }
    List<LocalDate> first = due.subList(0, Math.min(due.size(), input.mostDays()));
    String message =
        "%s; %d %s for labels.%s"
            .formatted(
                due.isEmpty() ? "No day has matured since" : "To judge: " + first,
                waiting.size(),
                waiting.size() == 1 ? "day waits" : "days wait",
                due.size() > first.size()
                    ? " %d more have matured; their turn is next time."
                        .formatted(due.size() - first.size())
                    : "");
    LOGGER.log(Level.INFO, message);
    return new Output(List.copyOf(first), waiting, message);
  }

  /** The labels of a day as of now; empty for one that was not processed and has no late label. */
  private static Optional<Labels> labels(
      StepContext context, RawBatch day, List<Arrival> arrivals, String stamp) {
    Optional<ProcessedBatch> processed =
        context
            .store()
            .processedBatches()
            .find(day.batchId())
            .filter(batch -> batch.rawContentHash().equals(day.contentHash()));
    if (processed.filter(batch -> stamp.equals(batch.lateLabels())).isPresent()) {
      return processed.map(batch -> at(context, day, batch.labelled(), batch.rows()));
    }
    return arrivals.reversed().stream()
        .flatMap(arrival -> arrival.day(day.logicalDate()).stream())
        .findFirst()
        .map(last -> at(context, day, last.labelled(), last.rows()));
  }

  private static Labels at(StepContext context, RawBatch day, int labelled, int rows) {
    return Labels.at(context.clock().instant(), day.logicalDate(), labelled, rows);
  }
}
