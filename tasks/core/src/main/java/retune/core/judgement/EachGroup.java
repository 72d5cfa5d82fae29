package retune.core.judgement;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.judgement.Check.Answer;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.ClassInfluence;

/**
 * Whether a candidate loses at most so much in each of several groups: on each class, or on each
 * slice of the rows. Groups with too few rows are put together to one. All bounds hold together at
 * the comparison's level (Bonferroni).
 */
final class EachGroup {
  /** How many of the worst groups, and of those put together, a sentence names. */
  private static final int NAMED = 3;

  private final Comparison comparison;
  private final double margin;

  private EachGroup(Comparison comparison, double margin) {
    this.comparison = comparison;
    this.margin = margin;
  }

  /**
   * A group.
   *
   * @param name after "on": {@code class 'a'}
   * @param bound of the candidate's metric less the champion's
   */
  private record Group(String name, Bound bound) {
    boolean isDefined() {
      return !Double.isNaN(bound.value());
    }
  }

  /**
   * The check of a metric of each class that has labelled rows. Classes of fewer than {@value
   * Bound#LEAST_ROWS} rows are put together.
   *
   * @param metric precision, recall or F1
   * @param margin how much it may fall
   */
  static Check ofClasses(Comparison comparison, Metric metric, double margin) {
    return new EachGroup(comparison, margin).ofClasses(metric);
  }

  /**
   * The check of the gate's metric on each slice of the rows; see {@link Slice}. Slices of fewer
   * than {@value Slice#LEAST_ROWS} rows, or with too few of a class for a {@link Bound}, are put
   * together.
   *
   * @param margin how much it may fall
   */
  static Check ofSlices(Comparison comparison, Column column, double margin) {
    return new EachGroup(comparison, margin).ofSlices(column);
  }

  private Check ofClasses(Metric metric) {
    PolicyInput input = comparison.input();
    long[] rows = Guessing.of(comparison.candidate()).labels();
    int[] labelled = IntStream.range(0, rows.length).filter(label -> rows[label] > 0).toArray();
    int[] large = filtered(labelled, label -> rows[label] >= Bound.LEAST_ROWS);
    int[] small = filtered(labelled, label -> rows[label] < Bound.LEAST_ROWS);
    int groups = large.length + (small.length > 0 ? 1 : 0);
    List<Group> judged = new ArrayList<>();
    for (int label : large) {
      judged.add(
          new Group(
              "class " + input.className(label), ofClasses(metric, groups, rows[label], label)));
    }
    String pooled = names(small, input::className);
    if (small.length > 0) {
      long together = IntStream.of(small).mapToLong(label -> rows[label]).sum();
      judged.add(
          new Group(
              small.length == 1 ? "class " + pooled : "classes %s together".formatted(pooled),
              ofClasses(metric, groups, together, small)));
    }
    return check("within_class_" + metric.id(), metric, judged, small.length > 1 ? pooled : "");
  }

  private Bound ofClasses(Metric metric, int groups, long rows, int... classes) {
    ClassInfluence candidate = ClassInfluence.of(metric, comparison.candidate(), classes);
    ClassInfluence champion = ClassInfluence.of(metric, comparison.champion(), classes);
    return Bound.ofValue(
        comparison.evidence(),
        comparison.alpha() / groups,
        candidate.value() - champion.value(),
        -margin,
        candidate.influence().minus(champion.influence()),
        rows);
  }

  private Check ofSlices(Column column) {
    List<Slice.Members> slices = Slice.of(column);
    List<Slice.Members> large = slices.stream().filter(this::isEnough).toList();
    List<Slice.Members> small = slices.stream().filter(slice -> !large.contains(slice)).toList();
    int groups = large.size() + (small.isEmpty() ? 0 : 1);
    List<Group> judged = new ArrayList<>();
    for (Slice.Members slice : large) {
      judged.add(new Group(words(column, slice.values()), ofRows(slice.rows(), groups)));
    }
    String pooled =
        names(IntStream.range(0, small.size()).toArray(), slice -> small.get(slice).values());
    if (!small.isEmpty()) {
      int[] rows =
          small.stream().flatMapToInt(slice -> IntStream.of(slice.rows())).sorted().toArray();
      judged.add(
          new Group(
              words(column, pooled) + (small.size() == 1 ? "" : " together"),
              ofRows(rows, groups)));
    }
    return check(
        "slices_" + column.name(),
        comparison.gate().metric(),
        judged,
        small.size() > 1 ? words(column, pooled) : "");
  }

  private static String words(Column column, String values) {
    boolean isComparison = values.startsWith("≤") || values.startsWith(">");
    return column.name() + (isComparison ? " " : " = ") + values;
  }

  /** Whether the rows can be judged alone. */
  private boolean isEnough(Slice.Members slice) {
    Predictions candidate = comparison.candidate().select(slice.rows());
    return slice.rows().length >= Slice.LEAST_ROWS
        && !Double.isNaN(comparison.gate().metric().of(candidate))
        && (comparison.evidence() == Evidence.POINT || Bound.isBelievable(candidate));
  }

  private Bound ofRows(int[] rows, int groups) {
    Comparison there =
        new Comparison(
            comparison.gate(),
            comparison.evidence(),
            comparison.alpha() / groups,
            comparison.candidate().select(rows),
            comparison.champion().select(rows));
    Bound bound = Bound.ofDifference(there, comparison.gate().metric(), -margin);
    return bound.ofOneIn((double) comparison.candidate().rows() / rows.length);
  }

  private Check check(String name, Metric metric, List<Group> groups, String pooled) {
    List<Group> worstFirst =
        groups.stream()
            .filter(Group::isDefined)
            .sorted(
                Comparator.comparingInt((Group group) -> severity(group.bound().answer()))
                    .thenComparingDouble(group -> group.bound().value()))
            .toList();
    List<Group> undefined = groups.stream().filter(group -> !group.isDefined()).toList();
    Answer answer = answer(worstFirst, !undefined.isEmpty());
    @Nullable Bound worst = worstFirst.isEmpty() ? null : worstFirst.getFirst().bound();
    long more =
        worstFirst.stream()
            .filter(group -> group.bound().answer() == Answer.UNDECIDED)
            .mapToLong(group -> group.bound().moreRows())
            .max()
            .orElse(0);
    return new Check(
        name,
        worst == null ? 0 : worst.value(),
        -margin,
        worst == null ? null : worst.interval(),
        answer,
        comparison.candidate().rows(),
        answer == Answer.UNDECIDED ? more : 0,
        true,
        sentence(metric, worstFirst, undefined, pooled));
  }

  /** The worst answer; a group on which nothing is defined leaves the question open. */
  private static Answer answer(List<Group> worstFirst, boolean hasUndefined) {
    Answer worst = worstFirst.isEmpty() ? Answer.UNDECIDED : worstFirst.getFirst().bound().answer();
    return worst == Answer.PASSED && hasUndefined ? Answer.UNDECIDED : worst;
  }

  private static int severity(Answer answer) {
    return switch (answer) {
      case FAILED -> 0;
      case ASKED, UNDECIDED -> 1;
      case PASSED -> 2;
    };
  }

  private String sentence(
      Metric metric, List<Group> worstFirst, List<Group> undefined, String pooled) {
    List<String> parts = new ArrayList<>();
    if (!worstFirst.isEmpty()) {
      String values =
          worstFirst.stream()
              .limit(NAMED)
              .map(
                  group ->
                      "%s %s the %s's on %s%s"
                          .formatted(
                              Check.fourDecimals(Math.abs(group.bound().value())),
                              group.bound().value() < 0 ? "below" : "above",
                              comparison.opponent(),
                              group.name(),
                              group.bound().words()))
              .collect(Collectors.joining(", "));
      String shown =
          worstFirst.size() > NAMED
              ? " (the worst %d of %d)".formatted(NAMED, worstFirst.size())
              : "";
      parts.add("its %s is %s%s".formatted(metric.id(), values, shown));
      parts.add("it may fall by %s at most on each".formatted(margin));
    }
    undefined.forEach(
        group -> parts.add("its %s is not defined on %s".formatted(metric.id(), group.name())));
    if (!pooled.isEmpty()) {
      parts.add("%s have too few rows and are judged together".formatted(pooled));
    }
    return String.join("; ", parts);
  }

  private static int[] filtered(int[] values, IntPredicate filter) {
    return IntStream.of(values).filter(filter).toArray();
  }

  /** The first names, and how many more. */
  private static String names(int[] of, IntFunction<String> name) {
    String more = of.length > NAMED ? " and %d more".formatted(of.length - NAMED) : "";
    return IntStream.of(of).limit(NAMED).mapToObj(name).collect(Collectors.joining(", ")) + more;
  }
}
