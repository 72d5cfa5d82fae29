package retune.loop.authoring;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import retune.core.InvalidInputException;
import retune.core.finetuning.Strategy;

/** A kind of first model. */
enum ModelFamily {
  NETWORK("the network"),
  TREES("boosted trees");

  private final String title;

  ModelFamily(String title) {
    this.title = title;
  }

  /** The name on the command line: {@code trees}. */
  String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The name in sentences. */
  String title() {
    return title;
  }

  /** What a day tries where such a model is in production. */
  List<Strategy> attempts() {
    return switch (this) {
      case NETWORK -> List.of(Strategy.TREES, Strategy.HEAD_LONG, Strategy.HEAD);
      case TREES -> List.of(Strategy.TREES, Strategy.HEAD_LONG);
    };
  }

  /**
   * The families of these names.
   *
   * @throws InvalidInputException if there is none, or a name is not known
   */
  static Set<ModelFamily> of(List<String> names) {
    String known = Arrays.stream(values()).map(ModelFamily::id).collect(Collectors.joining(" or "));
    if (names.isEmpty()) {
      throw new InvalidInputException(
          "--models names no model; give %s, or both separated by a comma.".formatted(known));
    }
    List<ModelFamily> families = new ArrayList<>();
    for (String name : names) {
      families.add(
          Arrays.stream(values())
              .filter(family -> family.id().equals(name))
              .findFirst()
              .orElseThrow(
                  () ->
                      new InvalidInputException(
                          "--models names '%s', which is not a kind of model; give %s, or both separated by a comma."
                              .formatted(name, known))));
    }
    return EnumSet.copyOf(families);
  }
}
