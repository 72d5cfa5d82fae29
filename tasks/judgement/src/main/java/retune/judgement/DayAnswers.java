package retune.judgement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import retune.core.InvalidInputException;
import retune.model.ModelStore;
import retune.model.ModelVersion;
import retune.model.batch.Batch;
import retune.model.batch.FeatureCache;
import retune.model.batch.FeatureCache.Answered;
import retune.model.batch.FeatureCache.Opened;
import retune.model.engine.Engines;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * The answers of several versions to one day, whatever its size. One pass over the stored day
 * answers for as many versions as {@value #MOST_VALUES} numbers allow, and encodes each row once
 * for all of them that share an encoder.
 */
public final class DayAnswers {
  /** Numbers that are kept between passes: 128 MB. */
  public static final long MOST_VALUES = 32L << 20;

  private final StepContext context;
  private final ModelStore models;
  private final ProcessedBatch batch;
  private final int[] labels;
  private final Set<String> comparedWith;
  private final List<String> judged;
  private final long mostValues;
  private final Map<String, Answered> answers = new HashMap<>();
  private final Map<String, MeasuredVersion> measured = new HashMap<>();

  /**
   * Answers nothing yet.
   *
   * @param comparedWith versions that the judged ones are compared with
   * @param judged versions in the order in which they are judged
   * @param mostValues see {@link #MOST_VALUES}
   */
  public DayAnswers(
      StepContext context,
      ProcessedBatch batch,
      Set<String> comparedWith,
      List<String> judged,
      long mostValues) {
    this.context = context;
    this.models = new ModelStore(context);
    this.batch = batch;
    this.labels = context.store().processedBatches().labels(batch);
    this.comparedWith = comparedWith;
    this.judged = judged;
    this.mostValues = mostValues;
  }

  /**
   * The day's labelled rows that no training has seen of the versions or of any that they were made
   * from.
   *
   * @throws InvalidInputException where none is left
   */
  public int[] unseen(Set<String> modelIds) {
    return MeasuredVersion.unseen(context, batch, MeasuredVersion.labelled(labels), modelIds);
  }

  /**
   * Measures a version on some rows of the day.
   *
   * @param rows labelled ones, positions in the batch, ascending
   * @throws InvalidInputException if the version cannot answer
   */
  public MeasuredVersion measure(String modelId, int[] rows) {
    MeasuredVersion before = measured.get(modelId);
    if (before != null && Arrays.equals(before.rows(), rows)) {
      return before;
    }
    if (!answers.containsKey(modelId)) {
      pass(modelId);
    }
    MeasuredVersion version =
        switch (Objects.requireNonNull(answers.get(modelId))) {
          case Answered.All(float[] logits) ->
              MeasuredVersion.ofAnswers(models.get(modelId), batch, rows, labels, logits);
          case Answered.Refused(InvalidInputException why) -> throw why;
        };
    if (comparedWith.contains(modelId)) {
      measured.put(modelId, version);
    }
    return version;
  }

  /** Answers for the version and for those that are judged next, and forgets the others. */
  private void pass(String modelId) {
    answers.keySet().retainAll(comparedWith);
    Set<String> versions = new LinkedHashSet<>(comparedWith);
    versions.add(modelId);
    versions.addAll(judged.subList(Math.max(0, judged.indexOf(modelId)), judged.size()));
    List<String> ids = new ArrayList<>();
    List<Opened> opened = new ArrayList<>();
    try {
      for (String id : versions) {
        if (answers.containsKey(id)) {
          continue;
        }
        try {
          ModelVersion version = models.get(id);
          version.requireHead();
          Batch.require(batch, version);
          long values = (long) batch.rows() * version.target().classes().size();
          boolean isNeeded = id.equals(modelId) || comparedWith.contains(id);
          if (!isNeeded && values * (answers.size() + ids.size() + 1) > mostValues) {
            break;
          }
          opened.add(
              new Opened(version, Engines.open(version, models.weights(version), batch.rows())));
          ids.add(id);
        } catch (InvalidInputException refused) {
          answers.put(id, new Answered.Refused(refused));
        }
      }
      List<Answered> answered = new FeatureCache(context).answersOfAll(opened, batch);
      for (int i = 0; i < ids.size(); i++) {
        answers.put(ids.get(i), answered.get(i));
      }
    } finally {
      opened.forEach(one -> one.engine().close());
    }
  }
}
