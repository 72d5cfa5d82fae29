package retune.steps.data;

import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import retune.core.data.Hashing;
import retune.core.data.Target;
import retune.runtime.StepContext;
import retune.runtime.store.Feedback;
import retune.runtime.store.LateLabels;
import retune.runtime.store.LateLabels.Arrival;

/** The feedback of callers as a file of labels. */
final class FeedbackLabels {
  private FeedbackLabels() {}

  /**
   * The feedback that is newer than any late label of its row. Of several labels of a row the last
   * one counts, because people correct themselves.
   */
  static LabelFile read(StepContext context, String model, Target target) {
    Map<String, Instant> labelledAt = labelledAt(context.store().lateLabels(), model);
    List<Feedback.Label> fresh =
        context.store().feedback().read(model).stream()
            .filter(label -> isNewer(label, labelledAt.get(label.key())))
            .toList();
    Map<String, String> byKey = new LinkedHashMap<>();
    List<String> unknown = new ArrayList<>();
    for (Feedback.Label label : fresh) {
      if (target.classes().contains(label.label())) {
        byKey.put(label.key(), label.label());
      } else {
        unknown.add("'%s' of %s".formatted(label.label(), label.key()));
      }
    }
    return new LabelFile(
        Hashing.sha256(
            fresh.stream()
                .map(label -> label.key() + "\n" + label.label() + "\n" + label.receivedAt())
                .collect(Collectors.joining("\n", "feedback\n", ""))),
        fresh.size(),
        byKey,
        0,
        LabelFile.Doubtful.of(unknown),
        LabelFile.Doubtful.of(List.of()));
  }

  private static boolean isNewer(Feedback.Label label, @Nullable Instant labelledAt) {
    return labelledAt == null || label.receivedAt().isAfter(labelledAt);
  }

  /** When the last late label of each row was read. */
  private static Map<String, Instant> labelledAt(LateLabels store, String model) {
    Map<String, Instant> labelledAt = new HashMap<>();
    for (Arrival arrival : store.arrivals(model)) {
      for (LateLabels.Day day : arrival.days()) {
        LocalDate date = day.date();
        store
            .labels(model, arrival, date)
            .keySet()
            .forEach(key -> labelledAt.put(key, arrival.readAt()));
      }
    }
    return labelledAt;
  }
}
