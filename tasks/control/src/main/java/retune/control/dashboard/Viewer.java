package retune.control.dashboard;

import org.jspecify.annotations.Nullable;

/**
 * Who looks at a page.
 *
 * @param can what may be done on pages of this service by whoever is logged in
 * @param name of whoever is logged in; null if nobody is
 * @param formKey that each form of this session sends back; empty if nobody is logged in
 * @param said what came of the button that led here; null if none did
 * @param here the path and the query of the page
 */
public record Viewer(
    Can can, @Nullable String name, String formKey, @Nullable Said said, String here) {
  /** The parameter of a page's address with the number of what the session has said. */
  public static final String SAID = "said";

  /** The field with {@code formKey}. */
  public static final String FORM_KEY = "form_key";

  /**
   * What a service is able to do.
   *
   * @param steer whether it has tokens, so that people may log in
   * @param start whether something runs the loop, and keeps its schedule
   */
  public record Can(boolean steer, boolean start) {}

  /**
   * What came of a press of a button.
   *
   * @param url where the run is seen that it started; null for none
   */
  public record Said(boolean isDone, String sentence, @Nullable String url) {}

  /** The field that makes a form one of this session. */
  Markup formField() {
    return Markup.hidden(FORM_KEY, formKey);
  }
}
