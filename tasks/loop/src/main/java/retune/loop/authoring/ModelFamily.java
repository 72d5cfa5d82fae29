package retune.loop.authoring;

import java.util.ArrayList;
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
  TREES("boosted trees"),
  TEXT("the text classifier");

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
      case TEXT -> List.of(Strategy.HEAD_LONG, Strategy.HEAD);
    };
  }

  /**
   * The families of these names.
   *
   * @throws InvalidInputException if there is none, or a name is not known
   */
  static Set<ModelFamily> of(List<String> names) {
    List<ModelFamily> ofColumns = List.of(NETWORK, TREES);
    String known = ofColumns.stream().map(ModelFamily::id).collect(Collectors.joining(" or "));
    if (names.isEmpty()) {
      throw new InvalidInputException(
          "--models names no model; give %s, or both separated by a comma.".formatted(known));
    }
    List<ModelFamily> families = new ArrayList<>();
    for (String name : names) {
      families.add(
          ofColumns.stream()
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
