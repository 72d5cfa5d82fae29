package retune.control.dashboard;

import java.util.Set;

/** The addresses of pages. */
public final class Paths {
  public static final String LOGIN = "/login";
  public static final String LOGOUT = "/logout";

  private Paths() {}

  /** What the log-in page needs: itself, its style and its script. */
  public static Set<String> ofLogin() {
    return Set.of(LOGIN, Layout.STYLE_PATH, Layout.SCRIPT_PATH);
  }

  /** The log-in that leads to a page. */
  public static String logIn(String next) {
    return LOGIN + "?next=" + Markup.encoded(next);
  }

  public static String model(String model) {
    return "/models/" + Markup.encoded(model);
  }

  public static String version(String model, String modelId) {
    return model(model) + "/versions/" + Markup.encoded(modelId);
  }

  static String versions(String model) {
    return model(model) + "/versions";
  }

  /** Two versions side by side. */
  static String compare(String model) {
    return model(model) + "/compare";
  }

  /**
   * The page that says what a button does, and has it.
   *
   * @param subject what it is pressed for: a version, a question, an alert; empty for the model
   */
  static String action(String model, Button button, String subject) {
    return action(model, button)
        + (subject.isEmpty() ? "" : "?" + Button.SUBJECT + "=" + Markup.encoded(subject));
  }

  /** The same without a subject, where its form goes to. */
  static String action(String model, Button button) {
    return model(model) + "/actions/" + button.word();
  }

  /** The report of a comparison, by the id of its verdict. */
  static String comparison(String id) {
    return "/reports/comparison?id=" + Markup.encoded(id);
  }

  /** The report on drift. */
  static String drift(String id) {
    return "/reports/drift?id=" + Markup.encoded(id);
  }
}
