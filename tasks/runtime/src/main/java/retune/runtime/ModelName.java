package retune.runtime;

import java.util.regex.Pattern;

/** Names of models: they are parts of paths, of addresses and of documents' keys. */
public final class ModelName {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");

  private ModelName() {}

  /** Whether a text has at most 100 letters, digits, '.', '_' and '-', a letter or digit first. */
  public static boolean isValid(String name) {
    return NAME.matcher(name).matches();
  }
}
