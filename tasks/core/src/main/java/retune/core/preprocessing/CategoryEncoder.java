package retune.core.preprocessing;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/** Looks up the codes of a feature's categories. */
final class CategoryEncoder {
  private final String feature;
  private final Map<String, Integer> codes = new HashMap<>();
  private final Set<String> rare;
  private final boolean numbers;

  CategoryEncoder(String feature, Categories categories) {
    this.feature = feature;
    List<String> known = categories.known();
    for (int i = 0; i < known.size(); i++) {
      codes.put(known.get(i), i + 1);
    }
    rare = Set.copyOf(categories.rare());
    numbers = known.stream().allMatch(category -> NumberText.parse(category).isPresent());
    if (numbers) {
      known.forEach(category -> codes.putIfAbsent(asNumber(category), codes.get(category)));
    }
  }

  /** The code of a category in this row of the raw table; counts one without a code of its own. */
  int code(String text, int row, OutcomeCounts outcomes) {
    Integer code = codes.get(text);
    if (code == null && numbers) {
      // Text may spell the same number differently: 02 or 2.0.
      code = codes.get(asNumber(text));
    }
    if (code != null) {
      return code;
    }
    outcomes.addRow(
        rare.contains(text) ? Outcome.RARE_CATEGORY : Outcome.UNSEEN_CATEGORY, feature, row);
    return Categories.RESERVED_CODE;
  }

  /** A number as a column of numbers prints it; other text as it is. */
  private static String asNumber(String text) {
    OptionalDouble number = NumberText.parse(text);
    return number.isPresent() && Double.isFinite(number.getAsDouble())
        ? NumberText.of(number.getAsDouble())
        : text;
  }
}
