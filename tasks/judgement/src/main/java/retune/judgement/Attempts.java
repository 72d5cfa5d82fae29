package retune.judgement;

import java.util.ArrayList;
import java.util.List;
import retune.model.batch.Attempt;

/** Sentences about attempts at fine-tuning. */
final class Attempts {
  private Attempts() {}

  /** Which attempts made no version, in a sentence; empty if each made one. */
  static String withoutCandidate(List<Attempt> attempts) {
    List<String> numbers = new ArrayList<>();
    for (Attempt attempt : attempts) {
      if (attempt instanceof Attempt.WithoutCandidate) {
        numbers.add(String.valueOf(attempt.number()));
      }
    }
    return switch (numbers.size()) {
      case 0 -> "";
      case 1 ->
          "Attempt %s found nothing better than the champion on the validation rows."
              .formatted(numbers.getFirst());
      default ->
          "Attempts %s and %s found nothing better than the champion on the validation rows."
              .formatted(
                  String.join(", ", numbers.subList(0, numbers.size() - 1)), numbers.getLast());
    };
  }
}
