package retune.steps.notification;

/** A failed delivery. The message contains neither an address's path nor a key. */
final class DeliveryException extends Exception {
  private static final long serialVersionUID = 1L;

  DeliveryException(String message) {
    super(message);
  }
}
