package retune.control;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a browser does with the pages: keeps the cookie, and sends the forms as they stand. */
final class Browser {
  private static final Pattern HIDDEN =
      Pattern.compile("<input type=\"hidden\" name=\"([^\"]+)\" value=\"([^\"]*)\">");
  private static final Pattern FORM =
      Pattern.compile("<form[^>]* action=\"([^\"]+)\">(.*?)</form>", Pattern.DOTALL);

  private final RunningControl control;
  private String cookie = "";

  Browser(RunningControl control) {
    this.control = control;
  }

  String cookie() {
    return cookie;
  }

  void cookie(String another) {
    cookie = another;
  }

  HttpResponse<String> get(String path) throws Exception {
    return send(request(path).GET());
  }

  /** The page at the end of redirects. */
  String page(String path) throws Exception {
    HttpResponse<String> answer = get(path);
    while (answer.statusCode() == 303) {
      answer = get(location(answer));
    }
    assertEquals(200, answer.statusCode(), answer.body());
    return answer.body();
  }

  HttpResponse<String> logIn(String name, String token) throws Exception {
    return post("/login", Map.of("name", name, "token", token));
  }

  /** Sends a form from a page of the service. */
  HttpResponse<String> post(String path, Map<String, String> fields) throws Exception {
    return send(form(path, fields).header("Origin", control.address()));
  }

  /** Presses the button of a page's form, with what else a person fills in. */
  HttpResponse<String> press(String page, String action, Map<String, String> filledIn)
      throws Exception {
    Map<String, String> fields = new LinkedHashMap<>(hidden(page, action));
    fields.putAll(filledIn);
    return post(action, fields);
  }

  /** A form that says nothing of where it comes from. */
  HttpRequest.Builder form(String path, Map<String, String> fields) {
    List<String> pairs = new ArrayList<>();
    fields.forEach(
        (name, value) ->
            pairs.add(URLEncoder.encode(name, UTF_8) + "=" + URLEncoder.encode(value, UTF_8)));
    return request(path)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .POST(BodyPublishers.ofString(String.join("&", pairs)));
  }

  HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
    HttpResponse<String> answer = control.send(request);
    answer
        .headers()
        .firstValue("Set-Cookie")
        .ifPresent(header -> cookie = header.substring(0, header.indexOf(';')));
    return answer;
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request = control.request(path);
    return cookie.isEmpty() ? request : request.header("Cookie", cookie);
  }

  static String location(HttpResponse<String> answer) {
    assertEquals(303, answer.statusCode(), answer.body());
    return answer.headers().firstValue("Location").orElseThrow();
  }

  /** The hidden fields of the form with that action. */
  static Map<String, String> hidden(String page, String action) {
    Matcher form = FORM.matcher(page);
    while (form.find()) {
      if (form.group(1).equals(action)) {
        Map<String, String> fields = new LinkedHashMap<>();
        Matcher hidden = HIDDEN.matcher(form.group(2));
        while (hidden.find()) {
          fields.put(hidden.group(1), hidden.group(2));
        }
        return fields;
      }
    }
    return fail("no form " + action + " in\n" + page);
  }
}
