package retune.steps.notification;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetup;
import jakarta.mail.internet.MimeMessage;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.steps.notification.Notification.Severity;
import tools.jackson.databind.JsonNode;

class ChannelTest {
  private static final Notification ALERT =
      new Notification(
          "alert/credit-default/2026-11-05/run",
          "model_performance_failure",
          Severity.CRITICAL,
          Instant.parse("2026-11-05T06:00:00Z"),
          "credit-default-0123456789ab",
          "20261105_060000",
          "Final F1 score: 0.4321 < 0.75. Prüfung nötig.",
          Map.of("retry_attempts", "3"));

  @Test
  void theWebhookGetsSlacksShape() throws Exception {
    try (Receiver slack = new Receiver()) {
      new Webhook(slack.url()).deliver(ALERT);
      assertEquals(
          """
          *CRITICAL* Final F1 score: 0.4321 &lt; 0.75. Prüfung nötig.
          • model_id: credit-default-0123456789ab
          • model_version: 20261105_060000
          • retry_attempts: 3""",
          slack.received().getFirst().get("text").asString());
    }
  }

  @Test
  void pagerDutyGetsAnEventWithADedupKey() throws Exception {
    try (Receiver pagerDuty = new Receiver()) {
      new PagerDuty(pagerDuty.url(), "R0UTING").deliver(ALERT);
      JsonNode event = pagerDuty.received().getFirst();
      assertEquals("R0UTING", event.get("routing_key").asString());
      assertEquals("trigger", event.get("event_action").asString());
      assertEquals(ALERT.id(), event.get("dedup_key").asString());
      JsonNode payload = event.get("payload");
      assertEquals(ALERT.message(), payload.get("summary").asString());
      assertEquals("critical", payload.get("severity").asString());
      assertEquals("retune/credit-default-0123456789ab", payload.get("source").asString());
      assertEquals("2026-11-05T06:00:00Z", payload.get("timestamp").asString());
      assertEquals("3", payload.get("custom_details").get("retry_attempts").asString());
    }
  }

  @Test
  void pagerDutyWakesNobodyForInformation() {
    Notification deployed =
        new Notification(
            "n", "deployment_complete", Severity.INFO, Instant.EPOCH, "m", "v", "Done", Map.of());
    assertFalse(new PagerDuty("http://127.0.0.1", "key").takes(deployed));
    assertTrue(new PagerDuty("http://127.0.0.1", "key").takes(ALERT));
  }

  @Test
  void everyRecipientGetsTheEmail() throws Exception {
    withMailServer(
        ServerSetup.PROTOCOL_SMTP,
        server -> {
          server.setUser("retune@example.org", "retune", "p@ss:word");
          String url =
              "smtp://retune:p%%40ss:word@127.0.0.1:%d?starttls=off"
                  .formatted(server.getSmtp().getPort());
          new Email(url, "retune@example.org", "a@example.org, b@example.org").deliver(ALERT);
          MimeMessage[] received = server.getReceivedMessages();
          assertEquals(2, received.length);
          assertEquals("[Retune] critical: credit-default-0123456789ab", received[0].getSubject());
          assertEquals(received[0].getMessageID(), received[1].getMessageID());
          assertTrue(received[0].getMessageID().endsWith("@retune>"));
          assertEquals(
              """
              Final F1 score: 0.4321 < 0.75. Prüfung nötig.

              model_id: credit-default-0123456789ab
              model_version: 20261105_060000
              retry_attempts: 3""",
              received[0].getContent().toString().replace("\r\n", "\n"));
        });
  }

  @Test
  void noEmailLeavesUnencryptedUnlessAskedTo() throws Exception {
    withMailServer(
        ServerSetup.PROTOCOL_SMTP,
        server -> {
          Email email =
              new Email("smtp://127.0.0.1:" + server.getSmtp().getPort(), "a@b.org", "c@d.org");
          assertThrows(DeliveryException.class, () -> email.deliver(ALERT));
          assertEquals(0, server.getReceivedMessages().length);
        });
  }

  @Test
  void aServerWhoseCertificateIsNotTrustedIsRefused() throws Exception {
    withMailServer(
        ServerSetup.PROTOCOL_SMTPS,
        server -> {
          Email email =
              new Email("smtps://127.0.0.1:" + server.getSmtps().getPort(), "a@b.org", "c@d.org");
          assertThrows(DeliveryException.class, () -> email.deliver(ALERT));
          assertEquals(0, server.getReceivedMessages().length);
        });
  }

  @Test
  void aRefusalNamesTheHostAndNeitherPathNorKey() {
    try (Receiver slack = new Receiver()) {
      slack.answer(503);
      DeliveryException refusal =
          assertThrows(DeliveryException.class, () -> new Webhook(slack.url()).deliver(ALERT));
      assertEquals("127.0.0.1 answered 503", refusal.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"hush hush", "ftp://hush.example/hush", "hush", "http:/hush"})
  void anAddressThatIsNoneIsNotShown(String address) {
    DeliveryException refusal =
        assertThrows(DeliveryException.class, () -> new Webhook(address).deliver(ALERT));
    assertEquals("RETUNE_SLACK_WEBHOOK_URL is not an http or https address", refusal.getMessage());
    DeliveryException mailRefusal =
        assertThrows(
            DeliveryException.class, () -> new Email(address, "a@b.org", "c@d.org").deliver(ALERT));
    assertEquals("RETUNE_SMTP_URL is not an smtp or smtps address", mailRefusal.getMessage());
  }

  @Test
  void noChannelShowsItsSecrets() {
    assertEquals("webhook", new Webhook("https://hush").toString());
    assertEquals("pagerduty", new PagerDuty("https://hush", "hush").toString());
    assertEquals("email", new Email("smtp://a:hush@b", "a@b.org", "c@d.org").toString());
  }

  private interface WithMailServer {
    void run(GreenMail server) throws Exception;
  }

  private static void withMailServer(String protocol, WithMailServer test) throws Exception {
    ServerSetup setup = new ServerSetup(0, "127.0.0.1", protocol);
    setup.setServerStartupTimeout(NotifierTest.MAIL_SERVER_STARTUP_MILLIS);
    GreenMail server = new GreenMail(setup);
    server.start();
    try {
      test.run(server);
    } finally {
      server.stop();
    }
  }
}
