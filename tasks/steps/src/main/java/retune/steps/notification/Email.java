package retune.steps.notification;

import jakarta.mail.AuthenticationFailedException;
import jakarta.mail.Message.RecipientType;
import jakarta.mail.MessagingException;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.Properties;
import java.util.stream.Collectors;
import retune.core.data.Hashing;

/**
 * E-mail by SMTP.
 *
 * @param server {@code smtp://user:password@host:587} (STARTTLS, without which nothing is sent),
 *     {@code smtps://…:465} (TLS from the first byte) or {@code smtp://host:25?starttls=off}
 * @param from the sender's address
 * @param to the recipients' addresses, separated by commas
 */
record Email(String server, String from, String to) implements Channel {
  @Override
  public void deliver(Notification notification) throws DeliveryException {
    URI uri = parse();
    Session session = Session.getInstance(properties(uri));
    try (Transport transport = session.getTransport()) {
      MimeMessage message = message(session, notification);
      String[] user = uri.getUserInfo() == null ? null : uri.getUserInfo().split(":", 2);
      if (user == null) {
        transport.connect();
      } else {
        transport.connect(user[0], user.length > 1 ? user[1] : "");
      }
      transport.sendMessage(message, message.getAllRecipients());
    } catch (AuthenticationFailedException e) {
      throw new DeliveryException(uri.getHost() + " refused the user or the password");
    } catch (MessagingException e) {
      throw new DeliveryException(
          "%s did not take the message (%s)"
              .formatted(uri.getHost(), e.getClass().getSimpleName()));
    }
  }

  private MimeMessage message(Session session, Notification notification)
      throws MessagingException, DeliveryException {
    MimeMessage message = new NamedMessage(session, notification.id());
    if (from.isBlank() || to.isBlank()) {
      throw new DeliveryException("RETUNE_EMAIL_FROM and RETUNE_EMAIL_TO must both be set");
    }
    message.setFrom(new InternetAddress(from, true));
    message.setRecipients(RecipientType.TO, InternetAddress.parse(to, true));
    message.setSubject(
        "[Retune] %s: %s".formatted(notification.severity().id(), notification.modelId()),
        StandardCharsets.UTF_8.name());
    message.setSentDate(Date.from(notification.timestamp()));
    String facts =
        notification.facts().entrySet().stream()
            .map(fact -> fact.getKey() + ": " + fact.getValue() + "\n")
            .collect(Collectors.joining());
    message.setText(notification.message() + "\n\n" + facts, StandardCharsets.UTF_8.name());
    return message;
  }

  private URI parse() throws DeliveryException {
    try {
      URI uri = URI.create(server.strip());
      if (uri.getHost() != null && String.valueOf(uri.getScheme()).matches("smtps?")) {
        return uri;
      }
    } catch (IllegalArgumentException e) {
      // Its message would show the password.
    }
    throw new DeliveryException("RETUNE_SMTP_URL is not an smtp or smtps address");
  }

  private static Properties properties(URI uri) {
    String protocol = uri.getScheme();
    String patience = Long.toString(DEADLINE.toMillis());
    boolean startTls = protocol.equals("smtp") && !"starttls=off".equals(uri.getQuery());
    Properties properties = new Properties();
    properties.setProperty("mail.transport.protocol", protocol);
    String prefix = "mail." + protocol + ".";
    properties.setProperty(prefix + "host", uri.getHost());
    if (uri.getPort() >= 0) {
      properties.setProperty(prefix + "port", Integer.toString(uri.getPort()));
    }
    properties.setProperty(prefix + "auth", Boolean.toString(uri.getUserInfo() != null));
    properties.setProperty(prefix + "starttls.enable", Boolean.toString(startTls));
    properties.setProperty(prefix + "starttls.required", Boolean.toString(startTls));
    properties.setProperty(prefix + "ssl.checkserveridentity", "true");
    properties.setProperty(prefix + "connectiontimeout", patience);
    properties.setProperty(prefix + "timeout", patience);
    properties.setProperty(prefix + "writetimeout", patience);
    return properties;
  }

  /**
   * A message whose Message-ID derives from the notification, so that mail programs show it once.
   */
  private static final class NamedMessage extends MimeMessage {
    private final String notificationId;

    NamedMessage(Session session, String notificationId) {
      super(session);
      this.notificationId = notificationId;
    }

    @Override
    protected void updateMessageID() throws MessagingException {
      setHeader("Message-ID", "<" + Hashing.sha256(notificationId) + "@retune>");
    }
  }

  /** Without the password. */
  @Override
  public String toString() {
    return "email";
  }
}
