package retune.runtime;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * The arguments after the step's name.
 *
 * @param inputs the step's own flags as typed, by field name
 * @param json the value of {@code --input}: JSON, {@code @file} or {@code -}
 * @param format the value of {@code --print}
 * @param exitCode whether a result that is a no decides the exit code, see {@link YesOrNo}
 */
record CommandLine(
    Map<String, String> inputs,
    Optional<String> json,
    Optional<ResultFormat> format,
    boolean exitCode) {
  private static final String XCOM = "--xcom";

  private static final String EXIT_CODE = "exit-code";

  /** The flags that every step has. */
  private static final Set<String> COMMON = Set.of("input", "xcom", "print", EXIT_CODE);

  /**
   * The file of {@code --xcom}, found without parsing the other arguments: their errors are written
   * to it.
   */
  static Optional<String> xcom(List<String> words) {
    int at = words.indexOf(XCOM);
    return at >= 0 && at + 1 < words.size()
        ? Optional.of(words.get(at + 1))
        : words.stream()
            .filter(word -> word.startsWith(XCOM + "="))
            .map(word -> word.substring(XCOM.length() + 1))
            .findFirst();
  }

  static CommandLine parse(List<String> words, InputReader reader) {
    if (words.stream().anyMatch(Redactor::holdsPassword)) {
      throw new InvalidInputException(
          "The command line contains an address with a password, which other users of this machine"
              + " can read. Set RETUNE_MONGO_URI instead, or RETUNE_MONGO_URI_FILE to a file that"
              + " holds the address.");
    }
    Map<String, String> inputs = new LinkedHashMap<>();
    Map<String, String> common = new LinkedHashMap<>();
    Iterator<String> rest = words.iterator();
    String pending = rest.hasNext() ? rest.next() : null;
    while (pending != null) {
      String word = pending;
      pending = rest.hasNext() ? rest.next() : null;
      if (!word.startsWith("--")) {
        String positional =
            reader
                .positional()
                .map(InputField::name)
                .orElseThrow(
                    () ->
                        new InvalidInputException(
                            "'%s' is not a flag; write flags as --name value.".formatted(word)));
        requireOnce(positional, inputs.put(positional, word));
        continue;
      }
      int equals = word.indexOf('=');
      String name = word.substring(2, equals < 0 ? word.length() : equals);
      boolean isCommon = COMMON.contains(name);
      boolean isSwitch =
          isCommon
              ? name.equals(EXIT_CODE)
              : fieldOf(name, reader).kind() == InputField.Kind.BOOLEAN;
      String value;
      if (equals >= 0) {
        value = word.substring(equals + 1);
      } else if (isSwitch && (pending == null || pending.startsWith("--"))) {
        value = "true";
      } else if (pending == null) {
        throw new InvalidInputException("--%s needs a value.".formatted(name));
      } else {
        value = pending;
        pending = rest.hasNext() ? rest.next() : null;
      }
      String before =
          isCommon ? common.put(name, value) : inputs.put(name.replace('-', '_'), value);
      requireOnce(name, before);
    }
    return new CommandLine(
        inputs,
        Optional.ofNullable(common.get("input")),
        Optional.ofNullable(common.get("print"))
            .map(format -> ResultFormat.ofId(format, "--print")),
        isTrue(common.get(EXIT_CODE)));
  }

  private static boolean isTrue(@Nullable String exitCode) {
    return switch (exitCode) {
      case null -> false;
      case "true" -> true;
      case "false" -> false;
      default ->
          throw new InvalidInputException(
              "--exit-code is '%s'; give no value.".formatted(exitCode));
    };
  }

  private static void requireOnce(String name, @Nullable String before) {
    if (before != null) {
      throw new InvalidInputException("--%s is given twice; give it once.".formatted(name));
    }
  }

  private static InputField fieldOf(String flag, InputReader reader) {
    boolean namesAFile = flag.endsWith("file"); // whose path is no secret
    if (flag.contains("mongo")
        || (!namesAFile && (flag.contains("password") || flag.contains("token")))) {
      throw new InvalidInputException(
          "--%s is not accepted on the command line, which other users of this machine can read; set RETUNE_MONGO_URI or RETUNE_MONGO_URI_FILE."
              .formatted(flag));
    }
    return reader.field(flag.replace('-', '_'));
  }
}
