package retune.steps.notification;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetup;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bson.Document;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import retune.devstore.EmbeddedStore;
import retune.runtime.store.DocumentStore;
import retune.steps.notification.Notification.Severity;
import retune.testing.TestContext;

class NotifierTest {
  /** A busy machine needs more than GreenMail's two seconds. */
  static final long MAIL_SERVER_STARTUP_MILLIS = 30_000;

  /** What the channels that work may take on a busy machine. */
  private static final Duration DEADLINE = Duration.ofSeconds(3);

  /** What a call with that deadline may take on a busy machine; without one it never ends. */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final EmbeddedStore server = EmbeddedStore.inMemory();
  private final DocumentStore store =
      DocumentStore.open(server.uri(), Duration.ofSeconds(10), TestContext.CLOCK);
  private final Receiver slack = new Receiver();
  private final Receiver pagerDuty = new Receiver();
  private final GreenMail mail = new GreenMail(mailServer());
  private TestContext context = TestContext.of(store);

  @BeforeEach
  void configureEveryChannel() {
    mail.start();
    context =
        context.with(
            Map.of(
                "RETUNE_SLACK_WEBHOOK_URL",
                slack.url(),
                "RETUNE_PAGERDUTY_ROUTING_KEY",
                "R0UTING",
                "RETUNE_PAGERDUTY_URL",
                pagerDuty.url(),
                "RETUNE_SMTP_URL",
                "smtp://127.0.0.1:" + mail.getSmtp().getPort() + "?starttls=off",
                "RETUNE_EMAIL_FROM",
                "retune@example.org",
                "RETUNE_EMAIL_TO",
                "on-call@example.org"));
  }

  @AfterEach
  void close() {
    mail.stop();
    pagerDuty.close();
    slack.close();
    store.close();
    server.close();
  }

  @Test
  void everyChannelGetsTheNotification() {
    assertEquals(
        Map.of("webhook", "sent", "pagerduty", "sent", "email", "sent"), send(context, "alert/1"));
    assertReceived(1);
  }

  @Test
  void aRetriedStepSendsNothingTwice() {
    send(context, "alert/1");
    for (int tryNumber = 2; tryNumber <= 4; tryNumber++) {
      assertEquals(
          Map.of("webhook", "already sent", "pagerduty", "already sent", "email", "already sent"),
          send(context.onTry(tryNumber), "alert/1"));
    }
    assertReceived(1);
  }

  @Test
  void manyTriesAtOnceSendOnce() throws Exception {
    List<Callable<Map<String, String>>> tries = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      tries.add(() -> send(context, "alert/1"));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      for (Future<Map<String, String>> result : threads.invokeAll(tries)) {
        assertFalse(result.get().containsValue("not configured"));
      }
    }
    assertReceived(1);
  }

  @Test
  void aLaterTryTakesOverFromOneThatWasKilledBeforeItSent() {
    leaveClaimed("alert/1", "webhook");
    assertEquals(
        "failed: another try of this step is sending it", send(context, "alert/1").get("webhook"));
    assertEquals("sent", send(context.onTry(2), "alert/1").get("webhook"));
    assertReceived(1);
  }

  @Test
  void aClaimRunsOut() {
    leaveClaimed("alert/1", "webhook");
    TestContext later = context.inRun("another").at(TestContext.NOW.plus(Duration.ofMinutes(2)));
    assertEquals("sent", send(later, "alert/1").get("webhook"));
  }

  @Test
  void aChannelThatIsDownFailsNothingAndIsMadeGoodByTheNextRun() {
    slack.answer(503);
    assertEquals(
        Map.of("webhook", "failed: 127.0.0.1 answered 503", "pagerduty", "sent", "email", "sent"),
        send(context, "alert/1"));
    assertTrue(slack.received().isEmpty());

    slack.answer(200);
    TestContext nextDay = context.inRun("next").at(TestContext.NOW.plus(Duration.ofDays(1)));
    assertEquals("sent", send(nextDay, "alert/2").get("webhook"));
    assertReceived(2);
    send(nextDay.inRun("third"), "alert/3");
    assertReceived(3);
  }

  @Test
  void whatIsOlderThanAWeekIsNotSentAlong() {
    slack.answer(503);
    send(context, "alert/1");
    slack.answer(200);
    send(context.at(TestContext.NOW.plus(Duration.ofDays(8))), "alert/2");
    assertEquals(1, slack.received().size());
  }

  @ParameterizedTest
  @CsvSource({"'',''", "'HTTP/1.1 200 OK\r\n','X-Drop: 1\r\n'"})
  void aWebhookThatStallsDelaysNoOtherChannel(String beginning, String drop) {
    try (StalledServer stalled = new StalledServer(beginning, drop)) {
      TestContext stalling =
          with("RETUNE_SLACK_WEBHOOK_URL", "http://127.0.0.1:" + stalled.port() + "/hush");
      assertEquals(
          Map.of(
              "webhook",
              "failed: the delivery did not end within 3.0 s",
              "pagerduty",
              "sent",
              "email",
              "sent"),
          assertTimeoutPreemptively(PATIENCE, () -> sendWithin(DEADLINE, stalling, "alert/1")));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "x"})
  void aWebhookWhoseBodyNeverEndsHasAcceptedByItsStatus(String drop) {
    String head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    try (StalledServer stalled = new StalledServer(head, drop)) {
      TestContext stalling =
          with("RETUNE_SLACK_WEBHOOK_URL", "http://127.0.0.1:" + stalled.port() + "/hush");
      assertEquals(
          "sent",
          assertTimeoutPreemptively(PATIENCE, () -> send(stalling, "alert/1")).get("webhook"));
    }
  }

  @ParameterizedTest
  @CsvSource({"'',''", "'','220-wait\r\n'", "'220 ready\r\n','250-wait\r\n'"})
  void aMailServerThatStallsDelaysNoOtherChannel(String beginning, String drop) {
    try (StalledServer stalled = new StalledServer(beginning, drop)) {
      TestContext stalling =
          with("RETUNE_SMTP_URL", "smtp://127.0.0.1:" + stalled.port() + "?starttls=off");
      assertEquals(
          Map.of(
              "webhook",
              "sent",
              "pagerduty",
              "sent",
              "email",
              "failed: the delivery did not end within 3.0 s"),
          assertTimeoutPreemptively(PATIENCE, () -> sendWithin(DEADLINE, stalling, "alert/1")));
    }
  }

  @Test
  void aChannelWithoutAnAddressIsNotConfigured() {
    assertEquals(
        Map.of(
            "webhook", "not configured", "pagerduty", "not configured", "email", "not configured"),
        send(context.with(Map.of()), "alert/1"));
  }

  @Test
  void informationGoesNotToPagerDuty() {
    Notification deployed =
        new Notification(
            "deployment/1",
            "deployment_complete",
            Severity.INFO,
            TestContext.NOW,
            "credit-default-0123456789ab",
            "20260109_101500",
            "Model 20260109_101500 deployed successfully",
            Map.of());
    assertEquals(Map.of("webhook", "sent", "email", "sent"), new Notifier(context).send(deployed));
    assertTrue(pagerDuty.received().isEmpty());
    Document kept = notification("deployment/1");
    assertEquals("deployment_complete", kept.getString("type"));
    assertEquals("20260109_101500", kept.getString("model_version"));
    assertEquals("Model 20260109_101500 deployed successfully", kept.getString("message"));
  }

  @Test
  void theStoreHoldsNoAddressAndNoKey() {
    slack.answer(500);
    pagerDuty.answer(500);
    send(context, "alert/1");
    String kept = notification("alert/1").toJson();
    assertFalse(kept.contains("hush") || kept.contains("R0UTING"), kept);
  }

  private static ServerSetup mailServer() {
    ServerSetup setup = new ServerSetup(0, "127.0.0.1", ServerSetup.PROTOCOL_SMTP);
    setup.setServerStartupTimeout(MAIL_SERVER_STARTUP_MILLIS);
    return setup;
  }

  /** The context in which one setting has another value. */
  private TestContext with(String setting, String value) {
    Map<String, String> environment = new HashMap<>(context.settings().environment());
    environment.put(setting, value);
    return context.with(environment);
  }

  private void leaveClaimed(String id, String channel) {
    slack.answer(503);
    send(context, id);
    slack.answer(202);
    store
        .collection("notifications")
        .updateOne(
            new Document("_id", id),
            new Document(
                "$set",
                new Document(
                    "deliveries." + channel,
                    new Document("lease_until", TestContext.NOW.plus(Duration.ofMinutes(1)))
                        .append("task", context.run().eventKey())
                        .append("try_number", context.run().tryNumber()))));
  }

  private Document notification(String id) {
    return store
        .collection("notifications")
        .find(new Document("_id", id))
        .into(new ArrayList<>())
        .getFirst();
  }

  private void assertReceived(int times) {
    assertEquals(times, slack.received().size());
    assertEquals(times, pagerDuty.received().size());
    assertEquals(times, mail.getReceivedMessages().length);
  }

  private static Map<String, String> send(TestContext context, String id) {
    return sendWithin(Channel.DEADLINE, context, id);
  }

  private static Map<String, String> sendWithin(Duration deadline, TestContext context, String id) {
    return new Notifier(context, deadline)
        .send(
            new Notification(
                id,
                "model_performance_failure",
                Severity.CRITICAL,
                context.clock().instant(),
                "credit-default-0123456789ab",
                "20261105_060000",
                "Model failed.",
                Map.of("retry_attempts", "3")));
  }
}
