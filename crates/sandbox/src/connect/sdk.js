// The sandbox's stand-in for Chakra's browser script.
(function () {
  'use strict';
  var script = document.currentScript;
  var origin = script && script.src ? new URL(script.src).origin : location.origin;

  function init(options) {
    options = options || {};
    var call = function (name) {
      if (typeof options[name] === 'function') options[name].apply(null, Array.prototype.slice.call(arguments, 1));
    };
    var container = typeof options.container === 'string' ? document.querySelector(options.container) : options.container;
    if (!options.connectToken || !container) {
      call('onError', { message: options.connectToken ? 'container was not found' : 'connectToken is required' });
      return { destroy: function () {} };
    }

    var frame = document.createElement('iframe');
    var base = String(options.baseUrl || origin).replace(/\/+$/, '');
    frame.src = base + '/v1/ext/whatsapp-partner/connect?connectToken=' + encodeURIComponent(options.connectToken);
    frame.title = 'Connect WhatsApp';
    frame.style.width = options.width || '100%';
    frame.style.height = options.height || '600px';
    frame.style.border = '0';
    Object.assign(frame.style, options.style || {});

    function receive(message) {
      if (message.source !== frame.contentWindow || message.origin !== new URL(frame.src).origin) return;
      var body = message.data;
      if (!body || body.source !== 'chakra-whatsapp-connect') return;
      call('onMessage', body.event, body.data);
      if (body.event === 'ready') call('onReady');
      if (body.event === 'success') call('onSuccess', body.data);
      if (body.event === 'error' || body.event === 'cancel') call('onError', { message: body.data.message });
    }

    window.addEventListener('message', receive);
    container.appendChild(frame);
    return {
      destroy: function () {
        window.removeEventListener('message', receive);
        frame.remove();
      }
    };
  }

  window.ChakraWhatsappConnect = { init: init };
})();
