package retune.steps.audit;

import com.google.auto.service.AutoService;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.judgement.AuditTrail;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.runtime.About;
import retune.runtime.About.Work;
import retune.runtime.Field;
import retune.runtime.Page;
import retune.runtime.Pipeline;
import retune.runtime.Step;
import retune.runtime.StepContext;
import retune.runtime.TextPage;
import retune.runtime.store.RawBatches;
import retune.steps.drift.LastDriftReport;

@About(
    value =
        "Tells what happened to a model's production and why: outcomes of days, deployments, and"
            + " decisions of people, the oldest first. An evaluated day has what kind of change"
            + " detect_drift found, and the estimate without labels beside the truth. Reads the"
            + " store alone.",
    pipeline = Pipeline.AUDIT,
    example = "credit-default",
    work = Work.METADATA)
@AutoService(Step.class)
@SuppressWarnings("rawtypes") // a service is named by its raw type
public final class History implements Step<History.Input, History.Output> {
  private static final int SECONDS_OF_TIMESTAMP = 19;
  private static final String ESTIMATE = "estimate_and_truth";

  public record Input(
      @Field(value = "the model's name", positional = true) String model,
      @Field(value = "number of entries, the latest; 0 for all", byDefault = "0", min = 0)
          int last) {}

  public record Output(
      @Field("the model's name") String model,
      @Field("the version in production") String modelId,
      @Field("the version before it") @Nullable String previousModelId,
      @Field("the best version ever approved") String bestModelId,
      @Field("number of the champion, from 1; a promotion adds one") long revision,
      @Field(
              "timestamp, event, model_id, reason, logical_date, run_id and what else is known of"
                  + " each event")
          List<Map<String, Object>> events)
      implements Page {
    @Override
    public String text() {
      TextPage page =
          new TextPage()
              .heading(model)
              .line("in production", modelId)
              .line("before it", previousModelId)
              .line("best ever", bestModelId)
              .line("promotions", Long.toString(revision - 1));
      events.forEach(event -> add(page, new Document(event)));
      return page.toString();
    }

    /** A call of the control API and how it was answered. */
    private static @Nullable String call(Document event) {
      String call = event.getString("call");
      return call == null ? null : call + ", answered " + event.get("status");
    }

    private static void add(TextPage page, Document event) {
      String time = event.getString("timestamp");
      page.heading(
              "%s  %s  %s"
                  .formatted(
                      time.substring(0, Math.min(SECONDS_OF_TIMESTAMP, time.length()))
                          .replace('T', ' '),
                      event.getString("event"),
                      Objects.requireNonNullElse(event.getString("model_id"), ""))
                  .stripTrailing())
          .line("day", event.getString("logical_date"))
          .line("retraining", event.getString("retraining_id"))
          .line("trigger", event.getString("trigger"))
          .line("instead of", event.getString("previous_model_id"))
          .line("call", call(event))
          .line("by", event.getString("by"))
          .line("reason", event.getString("reason"))
          .line("shift", event.getString("shift_reason"))
          .line("estimate", event.getString(ESTIMATE))
          .line("run", Facts.run(event))
          .line("page", event.getString("run_url"));
    }
  }

  @Override
  public Output run(Input input, StepContext context) {
    Champion champion = new Champions(context.store()).get(input.model());
    List<Document> events = events(context, input.model());
    int from = input.last() == 0 ? 0 : Math.max(0, events.size() - input.last());
    return new Output(
        input.model(),
        champion.modelId(),
        champion.previousModelId(),
        champion.bestModelId(),
        champion.revision(),
        events.subList(from, events.size()).stream()
            .map(event -> (Map<String, Object>) event)
            .toList());
  }

  /**
   * What happened, with what detect_drift found on evaluated days and what was estimated of them. A
   * day that has an estimate and no outcome is an event of its own.
   */
  private static List<Document> events(StepContext context, String model) {
    List<Document> events = new ArrayList<>(new AuditTrail(context.store()).history(model));
    Map<String, Document> estimated = EstimatedDays.of(context.store(), model);
    Set<String> evaluated = new HashSet<>();
    for (Document event : events) {
      if (event.getString("event").startsWith("evaluated_")) {
        String date = event.getString("logical_date");
        evaluated.add(date);
        addShift(context, model, event);
        Optional.ofNullable(estimated.get(date))
            .ifPresent(found -> event.append(ESTIMATE, found.getString(ESTIMATE)));
      }
    }
    estimated.forEach(
        (date, event) -> {
          if (!evaluated.contains(date)) {
            events.add(event);
          }
        });
    events.sort(Comparator.comparing(event -> Instant.parse(event.getString("timestamp"))));
    return events;
  }

  /** What kind of change the comparison of the day with the reference found. */
  private static void addShift(StepContext context, String model, Document event) {
    LocalDate date = LocalDate.parse(event.getString("logical_date"));
    LastDriftReport.ofDay(context.store(), RawBatches.batchId(model, date))
        .ifPresent(
            report ->
                event.append("shift", report.shift()).append("shift_reason", report.shiftReason()));
  }
}
