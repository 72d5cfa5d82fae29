package retune.judgement;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;
import retune.core.judgement.VersionStatus;
import retune.core.judgement.ledger.Superiority;
import retune.model.Champions;
import retune.model.ModelStore;
import retune.model.batch.DataSplit;
import retune.runtime.NotReadyException;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The candidates of a model that their hold-out left undecided. The newest, at most {@value
 * Superiority#MOST_CHALLENGERS}, are measured on each day beside the champion, also where that
 * passes, and {@link ErrorLedger} adds up the evidence.
 */
public final class Challengers {
  private static final Logger LOGGER = System.getLogger(Challengers.class.getName());

  private final StepContext context;
  private final ModelStore models;
  private final String model;

  /** The challengers of a model. */
  public Challengers(StepContext context, String model) {
    this.context = context;
    this.models = new ModelStore(context);
    this.model = model;
  }

  /** Those to measure beside a version: none beside one that is not the champion. */
  public List<String> beside(String modelId) {
    boolean isChampion =
        new Champions(context.store())
            .find(model)
            .filter(champion -> champion.modelId().equals(modelId))
            .isPresent();
    return isChampion
        ? models.challengers(model).stream().limit(Superiority.MOST_CHALLENGERS).toList()
        : List.of();
  }

  /**
   * Measures them beside the champion and keeps what was found; one that cannot be measured must
   * not stop the day.
   *
   * @param measure measures a version on all rows that its training has not seen
   * @return number of challengers that were measured
   */
  public int measure(MeasuredVersion champion, Function<String, MeasuredVersion> measure) {
    int measured = 0;
    for (String modelId : beside(champion.version().modelId())) {
      if (attempt(modelId, () -> measure(modelId, champion, measure))) {
        measured++;
      }
    }
    return measured;
  }

  private void measure(
      String modelId, MeasuredVersion champion, Function<String, MeasuredVersion> measure) {
    Set<String> trainedOn = models.trainedOn(models.get(modelId));
    if (DataSplit.isDayOf(context, champion.batch(), trainedOn)) {
      throw new InvalidInputException("it was trained on rows of this day.");
    }
    ChallengerDay.keep(context, measure.apply(modelId), champion);
  }

  /** Does what needs a challenger's model; false, with a line in the log, where that fails. */
  public static boolean attempt(String modelId, Runnable work) {
    try {
      work.run();
      return true;
    } catch (InvalidInputException | NotReadyException notMeasured) {
      LOGGER.log(
          Level.WARNING,
          "The challenger {0} is not judged on this day: {1}",
          modelId,
          notMeasured.getMessage());
      return false;
    }
  }

  /** What was measured of all challengers, the newest first, for the day's entry in the ledger. */
  List<ChallengerDay> days(ProcessedBatch batch, String championId) {
    List<String> all = models.challengers(model);
    return IntStream.range(0, all.size())
        .mapToObj(
            place ->
                place < Superiority.MOST_CHALLENGERS
                    ? ChallengerDay.find(context, batch, all.get(place), championId)
                    : ChallengerDay.unjudged(all.get(place)))
        .toList();
  }

  /**
   * What the evidence of a day says of those that were challengers then and were not rejected
   * since; none where a loop does not judge by evidence over days.
   *
   * @param champion the day's verdict on the champion
   */
  public List<Challenger> after(ProcessedBatch batch, Judgement champion) {
    return switch (champion.key().rules().evidence()) {
      case POINT -> List.of();
      case INTERVAL ->
          new ErrorLedger(context, model)
              .challengers(batch.logicalDate(), champion.modelId()).stream()
                  .filter(
                      challenger -> models.status(challenger.modelId()) != VersionStatus.REJECTED)
                  .toList();
    };
  }
}
