package retune.steps.drift;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Target;
import retune.core.drift.DatasetShift;
import retune.core.drift.DatasetShift.ClassShare;
import retune.core.drift.DatasetShift.Kind;
import retune.core.drift.DriftDetector;
import retune.core.drift.RelationTest;
import retune.core.statistics.Interval;

/**
 * What kind of change a comparison looks like, in words.
 *
 * @param reason how sure that is, and what helps
 */
record ShiftFinding(DatasetShift shift, Target target, String reason) {
  private static final double LEAST_P = 1e-4;

  static ShiftFinding of(DatasetShift shift, Target target) {
    return new ShiftFinding(shift, target, reason(shift, target));
  }

  Kind kind() {
    return shift.kind();
  }

  private static String reason(DatasetShift shift, Target target) {
    List<String> sentences = new ArrayList<>();
    switch (shift.kind()) {
      case NONE ->
          sentences.add(
              "The %,d labels show no change of the classes' shares, nor of how the label depends on the inputs."
                  .formatted(shift.labelled()));
      case NOT_TELLABLE -> sentences.add(notTellable(shift));
      default -> sentences.add("This looks like %s.".formatted(shift.kind().words()));
    }
    shares(shift, target).ifPresent(sentences::add);
    if (shift.kind() != Kind.NONE) {
      within(shift).ifPresent(sentences::add);
      relation(shift, target).ifPresent(sentences::add);
    }
    remedy(shift).ifPresent(sentences::add);
    return String.join(" ", sentences);
  }

  private static String notTellable(DatasetShift shift) {
    if (shift.labelled() < DriftDetector.LEAST_ROWS) {
      return "What kind of change it is cannot be told: %s."
          .formatted(
              shift.labelled() == 0
                  ? "the batch has no labels"
                  : "the batch has %d labelled rows".formatted(shift.labelled()));
    }
    RelationTest relation = shift.relation();
    if (relation == null) {
      return "What kind of change it is cannot be told: %s."
          .formatted(
              shift.shares().isEmpty() || shift.estimated()
                  ? "the reference has too few labelled rows, or one class"
                  : "the model gives no probabilities");
    }
    return relation.isTellable()
        ? "Something has changed, but the tests do not agree on what."
        : "What kind of change it is cannot be told: too few rows have inputs that the reference"
            + " has, too.";
  }

  /** The class whose share says most: the positive of two, or the one that changed most. */
  private static int shown(DatasetShift shift, Target target) {
    return target.isBinary()
        ? target.positiveIndex()
        : IntStream.range(0, shift.shares().size())
            .boxed()
            .max(Comparator.comparingDouble(label -> Math.abs(shift.shares().get(label).change())))
            .orElse(0);
  }

  private static Optional<String> shares(DatasetShift shift, Target target) {
    if (shift.shares().isEmpty()) {
      return Optional.empty();
    }
    int label = shown(shift, target);
    ClassShare share = shift.shares().get(label);
    String name = target.classes().get(label);
    if (shift.estimated()) {
      return Optional.of(
          "If the rows of each class look as before, the share of '%s' is %s instead of %s, a change of %s with 95 %% confidence."
              .formatted(
                  name,
                  percent(share.current()),
                  percent(share.reference()),
                  points(share.interval())));
    }
    return Optional.of(
        "The share of '%s' is %s instead of %s, a change of %s with 95 %% confidence (equal shares: %s)."
            .formatted(
                name,
                percent(share.current()),
                percent(share.reference()),
                points(share.interval()),
                p(shift.labelPValue())));
  }

  private static Optional<String> within(DatasetShift shift) {
    double pValue = shift.withinClassesPValue();
    return Double.isNaN(pValue)
        ? Optional.empty()
        : Optional.of(
            shift.classesMoved()
                ? "The rows of a class look different from those of the reference (%s)."
                    .formatted(p(pValue))
                : "The rows of each class look as before (%s).".formatted(p(pValue)));
  }

  private static Optional<String> relation(DatasetShift shift, Target target) {
    RelationTest relation = shift.relation();
    if (relation == null || !relation.isTellable()) {
      return Optional.empty();
    }
    return Optional.of(
        "%s %s: '%s' comes %s more often than in the reference, given the model's probabilities (%s)."
            .formatted(
                shift.inputsMoved()
                    ? "On the inputs that both have (%.0f %%), the label depends on them"
                        .formatted(100 * relation.overlap())
                    : "The label depends on the inputs",
                how(relation, shift.level()),
                target.classes().get(relation.label()),
                points(relation.interval()),
                p(Math.min(relation.pValue(), relation.slopePValue()))));
  }

  private static String how(RelationTest relation, double level) {
    if (relation.isBeyondShares(level)) {
      return "in another way";
    }
    return relation.hasChanged(level)
        ? "as before up to a constant of each class, as where their shares change"
        : "as before";
  }

  private static Optional<String> remedy(DatasetShift shift) {
    RelationTest relation = shift.relation();
    return switch (shift.kind()) {
      case NONE, NOT_TELLABLE -> Optional.empty();
      case LABEL_SHIFT ->
          Optional.of(
              "Remedy: correct the probabilities for the shares (strategy prior); no training is"
                  + " needed.");
      case COVARIATE_SHIFT -> Optional.of("Remedy: none as long as the gate passes.");
      case CONCEPT_SHIFT, COVARIATE_AND_CONCEPT_SHIFT ->
          Optional.of(
              relation != null && !relation.isBeyondShares(shift.level())
                  ? "Remedy: a constant of each class explains the change, so correct the"
                      + " probabilities first (strategy prior); fine-tune if the gate still"
                      + " fails."
                  : "Remedy: fine-tune on labels of these days.");
    };
  }

  /** The tests as the report has them. */
  Map<String, Object> document() {
    Map<String, Object> document = new LinkedHashMap<>();
    document.put(LastDriftReport.KIND, shift.kind().id());
    document.put(LastDriftReport.REASON, reason);
    document.put("labelled", shift.labelled());
    document.put("level", shift.level());
    List<Map<String, Object>> shares = new ArrayList<>();
    for (int label = 0; label < shift.shares().size(); label++) {
      ClassShare share = shift.shares().get(label);
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("class", target.classes().get(label));
      fields.put("baseline", share.reference());
      fields.put("current", share.current());
      fields.put("change", share.change());
      put(fields, share.interval());
      shares.add(fields);
    }
    document.put("class_shares", shares);
    document.put("class_shares_estimated", shift.estimated());
    document.put("label_p_value", defined(shift.labelPValue()));
    document.put("within_classes_p_value", defined(shift.withinClassesPValue()));
    RelationTest relation = shift.relation();
    if (relation != null) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("overlap", relation.overlap());
      fields.put("effective_rows", relation.rows());
      fields.put("p_value", relation.pValue());
      fields.put("beyond_shares_p_value", relation.slopePValue());
      fields.put("class", target.classes().get(relation.label()));
      fields.put("residual", relation.residual());
      put(fields, relation.interval());
      document.put("relation", fields);
    }
    return document;
  }

  private static @Nullable Double defined(double value) {
    return Double.isNaN(value) ? null : Double.valueOf(value);
  }

  private static void put(Map<String, Object> fields, Interval interval) {
    fields.put("low", interval.low());
    fields.put("high", interval.high());
    fields.put("confidence", interval.confidence());
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f %%", 100 * share);
  }

  private static String points(Interval interval) {
    return String.format(
        Locale.ROOT, "%+.1f to %+.1f points", 100 * interval.low(), 100 * interval.high());
  }

  private static String p(double value) {
    return value < LEAST_P ? "p < 0.0001" : String.format(Locale.ROOT, "p = %.2g", value);
  }
}
