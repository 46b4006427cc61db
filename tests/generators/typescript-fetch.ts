import {
  ApiKeysApi, ChakraKeysApi, ChakraSendSessionMessagesApi, Configuration, CustomersApi, PhoneNumbersApi, PluginsApi,
  TenantsApi,
} from "./typescript-fetch/index";
import { base, chakraKey, externalId, operator, sent, signUp } from "./flow";

const bearing = (accessToken: string) => new Configuration({ basePath: base, accessToken });

const tenant = await new TenantsApi(bearing(operator)).createTenant({ createTenant: { name: "typescript-fetch" } });
const key = await new ApiKeysApi(bearing(operator)).createApiKey({
  porticoTenant: tenant.id,
  createApiKeyBody: { name: "Owner", role: "owner" },
});
const own = bearing(key.secret);
await new ChakraKeysApi(own).storeChakraKey({ createChakraKey: { name: "Main", accessToken: chakraKey } });
const customer = await new CustomersApi(own).createCustomer({ createCustomer: { externalId, name: "Shop" } });
const plugins = new PluginsApi(own);
const plugin = await plugins.makePlugin({ createPluginBody: { customerId: customer.id } });
await signUp(plugin.id);
await plugins.syncPlugin({ pluginId: plugin.id });
const numbers = await new PhoneNumbersApi(own).listPhoneNumbers({ pluginId: plugin.id });
const message = await new ChakraSendSessionMessagesApi(own).whatsappMessages({
  pluginId: plugin.id,
  whatsappApiVersion: "v24.0",
  whatsappPhoneNumberId: numbers.data[0]!.id,
  whatsappMessagesRequest: { messagingProduct: "whatsapp", to: "15550001111", type: "text", text: { body: "Hello" } },
});
sent(message.data.whatsappMessageId);
